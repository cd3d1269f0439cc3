import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDockerProvider } from "../docker-provider.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { expectNoLeaks } from "../testing/leak-check.ts";
import { TEST_UID_PATTERN } from "../testing/uid.ts";

const EPERM = 1;
const ENOSYS = 38;

/** System calls by their numbers on x86-64 and on arm64, and how the filter must refuse them. */
const REFUSED_CALLS: Readonly<Record<string, { numbers: [number, number]; errno?: number }>> = {
  io_uring_setup: { numbers: [425, 425] },
  io_uring_enter: { numbers: [426, 426] },
  io_uring_register: { numbers: [427, 427] },
  add_key: { numbers: [248, 217] },
  request_key: { numbers: [249, 218] },
  keyctl: { numbers: [250, 219] },
  bpf: { numbers: [321, 280] },
  userfaultfd: { numbers: [323, 282] },
  perf_event_open: { numbers: [298, 241] },
  mount: { numbers: [165, 40] },
  umount2: { numbers: [166, 39] },
  pivot_root: { numbers: [155, 41] },
  open_tree: { numbers: [428, 428] },
  move_mount: { numbers: [429, 429] },
  fsopen: { numbers: [430, 430] },
  mount_setattr: { numbers: [442, 442] },
  chroot: { numbers: [161, 51] },
  unshare: { numbers: [272, 97] },
  setns: { numbers: [308, 268] },
  clone3: { numbers: [435, 435], errno: ENOSYS },
  process_vm_readv: { numbers: [310, 270] },
  open_by_handle_at: { numbers: [304, 265] },
  init_module: { numbers: [175, 105] },
  kexec_load: { numbers: [246, 104] },
  reboot: { numbers: [169, 142] },
  settimeofday: { numbers: [164, 170] },
  sethostname: { numbers: [170, 161] },
  syslog: { numbers: [103, 116] },
  swapon: { numbers: [167, 224] },
  quotactl: { numbers: [179, 60] },
  seccomp: { numbers: [317, 277] },
  io_setup: { numbers: [206, 0] },
  io_destroy: { numbers: [207, 1] },
  io_getevents: { numbers: [208, 4] },
  io_submit: { numbers: [209, 2] },
  io_cancel: { numbers: [210, 3] },
  io_pgetevents: { numbers: [333, 292] },
  acct: { numbers: [163, 89] },
};

const REFUSED_FAMILIES = { AF_PACKET: 17, AF_ALG: 38, AF_VSOCK: 40, AF_BLUETOOTH: 31, AF_XDP: 44 };

/** Prints the errno of each call as JSON; 0 where it succeeded. All arguments are harmless. */
const PROBE_CALLS = `
import ctypes, json, platform
libc = ctypes.CDLL(None, use_errno=True)
column = 1 if platform.machine() == "aarch64" else 0
def errno_of(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
    return ctypes.get_errno() if result < 0 else 0
`;

describe.skipIf(!engineOrSkip())("A hardened container, from the inside", () => {
  let root: string;
  let provider: SandboxProvider;
  let sandbox: ManagedSandbox;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "carrel-hardening-"));
    process.env.CARREL_TEST_CANARY = `canary-${randomUUID()}`;
    provider = await createDockerProvider({
      workspaceRoot: join(root, "workspaces"),
      image: TEST_IMAGE,
      engine: testEngineOptions(),
    });
    sandbox = await provider.create(`hardening ${randomUUID()}`);
  }, 120_000);

  afterAll(async () => {
    await sandbox?.destroy();
    await provider?.[Symbol.asyncDispose]();
    delete process.env.CARREL_TEST_CANARY;
    await expectNoLeaks(join(root, "workspaces"));
    await rm(root, { recursive: true, force: true });
  }, 120_000);

  async function shell(command: string): Promise<string> {
    const { stdout, output, ...result } = await sandbox.execute(command);
    expect(result, `${command}: ${output}`).toMatchObject({ outcome: "exited", exitCode: 0 });
    return stdout;
  }

  async function python(script: string): Promise<string> {
    const result = await sandbox.execute("python3 -", { stdin: script });
    expect(result, result.output).toMatchObject({ outcome: "exited", exitCode: 0 });
    return result.stdout;
  }

  it("has no capability and can get none", async () => {
    const status = await shell("cat /proc/self/status");
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${set}:\\s+0{16}$`, "m"));
    }
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Seccomp:\s+2$/m);
  });

  it("runs as a user without privileges and without groups", async () => {
    expect(await shell("id -u; id -g; id -G")).toMatch(
      new RegExp(`^(${TEST_UID_PATTERN}\n)\\1\\1$`),
    );
  });

  it("refuses system calls that manage the machine, or go around the filter", async () => {
    const calls = Object.entries(REFUSED_CALLS).map(([name, { numbers }]) => [name, numbers]);
    const printed = await python(`${PROBE_CALLS}
print(json.dumps({name: errno_of(numbers[column], 0, 0, 0, 0, 0, 0) for name, numbers in ${JSON.stringify(calls)}}))
`);
    const expected = Object.entries(REFUSED_CALLS).map(([name, { errno = EPERM }]) => [
      name,
      errno,
    ]);
    expect(JSON.parse(printed)).toEqual(Object.fromEntries(expected));
  });

  it("makes no namespace by clone", async () => {
    const flags = { mount: 0x20000, user: 0x10000000, pid: 0x20000000, network: 0x40000000 };
    const printed = await python(`${PROBE_CALLS}
import signal
clone = [56, 220][column]
print(json.dumps([errno_of(clone, flag | signal.SIGCHLD, 0, 0, 0, 0) for flag in ${JSON.stringify(Object.values(flags))}]))
`);
    expect(JSON.parse(printed)).toEqual([EPERM, EPERM, EPERM, EPERM]);
  });

  it("opens no socket of a family that reaches beyond the network", async () => {
    const printed = await python(`
import json, socket
def errno_of(family):
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        try: socket.socket(family, kind, 0).close(); return 0
        except OSError as error: last = error.errno
        if last != ${EPERM}: return last
    return last
print(json.dumps([errno_of(family) for family in ${JSON.stringify(Object.values(REFUSED_FAMILIES))}]))
`);
    expect(JSON.parse(printed)).toEqual(Object.values(REFUSED_FAMILIES).map(() => EPERM));
  });

  it("opens sockets that programs need", async () => {
    await python(`
import socket
for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
    socket.socket(family, socket.SOCK_STREAM).close()
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()
socket.socketpair()
`);
  });

  it("attaches no filter, which takes memory that the machine has once", async () => {
    const refused = {
      attach_filter: [1, 26],
      attach_bpf: [1, 50],
      attach_reuseport_cbpf: [1, 51],
      attach_reuseport_ebpf: [1, 52],
    };
    // The kernel takes 32 bits of an argument, and the filter sees 64.
    const printed = await python(`${PROBE_CALLS}
import socket, struct
from ctypes import addressof, create_string_buffer
setsockopt, prctl = [(54, 157), (208, 167)][column]
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
code = create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0xffff))
program = create_string_buffer(struct.pack("HxxxxxxQ", 1, addressof(code)))
high = [0, 1 << 32, 1 << 63]
answers = {}
for name, (level, option) in ${JSON.stringify(refused)}.items():
    answers[name] = [errno_of(setsockopt, one.fileno(), level | a, option | b, addressof(program), 16) for a in high for b in high]
PR_SET_SECCOMP, MODE_FILTER = 22, 2
answers["prctl"] = [errno_of(prctl, PR_SET_SECCOMP | a, MODE_FILTER, addressof(program), 0, 0) for a in high]
print(json.dumps(answers))
`);
    for (const [name, answers] of Object.entries(JSON.parse(printed) as Record<string, number[]>)) {
      expect({ [name]: new Set(answers) }).toEqual({ [name]: new Set([EPERM]) });
    }
  });

  it("sets options of sockets and of processes that programs need", async () => {
    const script = `
import ctypes, socket
tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
for level, option in ((socket.SOL_SOCKET, socket.SO_REUSEADDR), (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        (socket.SOL_SOCKET, socket.SO_RCVBUF), (socket.SOL_SOCKET, socket.SO_REUSEPORT),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.IPPROTO_IP, socket.IP_TTL)):
    tcp.setsockopt(level, option, 64)
socket.socket(socket.AF_INET6, socket.SOCK_STREAM).setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 1, 15, 38, 36
print([libc.prctl(*a, 0, 0) for a in ((PR_SET_PDEATHSIG, 9, 0), (PR_SET_NAME, b"name", 0), (PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_CHILD_SUBREAPER, 1, 0))])
`;
    expect(await python(script)).toBe("[0, 0, 0, 0]\n");
  });

  it("has a prompt with the name of its user, who has none in the image", async () => {
    const { output } = await sandbox.execute("echo exit | bash --norc -i; true", {
      env: { PS1: "\\u> " },
    });
    expect(output).toContain("agent> ");
    expect(output).not.toContain("I have no name");
  });

  it("kills a program that speaks the 32-bit interface", async () => {
    if ((await shell("uname -m")).trim() !== "x86_64") return;
    // mov eax, 20 (getpid); int 0x80; ret
    const result = await sandbox.execute("python3 -", {
      stdin: `
import ctypes, mmap
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("b814000000cd80c3"))
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())
`,
    });
    // A kernel without that interface ends the program by another signal.
    expect(result).toMatchObject({ outcome: "exited", stdout: "" });
    expect(result.exitCode).toBeGreaterThan(128);
  });

  it("writes nowhere but to its workspace, its home and memory", async () => {
    const mounts = (await shell("cat /proc/self/mountinfo")).trim().split("\n");
    const writable = mounts
      .map((line) => line.split(" "))
      .filter(([, , , , , options]) => options!.split(",").includes("rw"))
      .map(([, , , , path]) => path!)
      // The first version of control groups hangs under a directory of root's, tried below.
      .filter((path) => !path.startsWith("/proc") && path !== "/sys/fs/cgroup");
    expect(writable.toSorted()).toEqual([
      "/dev",
      "/dev/mqueue",
      "/dev/pts",
      "/dev/shm",
      "/home/agent",
      "/tmp",
      "/workspace",
    ]);
    const attempt =
      "for d in / /etc /usr /var /var/tmp /run /home /carrel /dev /sys /sys/fs/cgroup /opt; do";
    expect(await shell(`${attempt} touch $d/made 2>/dev/null && echo $d; done; true`)).toBe("");
    await shell("touch /tmp/made /workspace/made ~/made /dev/shm/made");
  });

  it("makes no device, and runs what it wrote", async () => {
    for (const path of ["/workspace/device", "/tmp/device", "/home/agent/device"]) {
      expect((await sandbox.execute(`mknod ${path} c 1 5`)).exitCode).not.toBe(0);
      const program = `${path}-program`;
      await sandbox.write(program, "#!/bin/sh\necho ran\n", { mode: 0o755 });
      expect(await shell(program)).toBe("ran\n");
    }
  });

  it("gains nothing by setuid", async () => {
    await shell("cp /usr/bin/id ./id && chmod 6755 ./id");
    expect(await shell("./id -u")).toMatch(new RegExp(`^${TEST_UID_PATTERN}\n$`));
    expect((await sandbox.execute("su -c id; mount -t tmpfs none /tmp")).output).not.toMatch(
      /uid=0/,
    );
  });

  it("has no interface but its loopback, and no way out", async () => {
    const interfaces = await shell("cut -d: -f1 -s /proc/net/dev | tr -d ' '");
    expect(interfaces).toBe("lo\n");
    expect(await shell("tail -n +2 /proc/net/route | grep -v '^lo' || true")).toBe("");
    const script = `
import socket
for address in (("169.254.169.254", 80), ("172.17.0.1", 22), ("1.1.1.1", 53)):
    try: socket.create_connection(address, 2); print("connected", address)
    except OSError: pass
`;
    expect(await python(script)).toBe("");
  });

  it("serves programs on its loopback, by its name too", async () => {
    await python(`
import socket
server = socket.create_server(("localhost", 0))
host, port = server.getsockname()
assert host == "127.0.0.1", host
for name in ("127.0.0.1", "localhost"): socket.create_connection((name, port), 2)
`);
  });

  it("knows localhost and nothing else by name, and cannot change that", async () => {
    const hosts = "127.0.0.1\tlocalhost\n::1\tip6-localhost ip6-loopback\n";
    expect(await shell("cat /etc/hosts")).toBe(hosts);
    const change = "echo 127.0.0.1 more >> /etc/hosts; rm -f /etc/hosts";
    expect((await sandbox.execute(`${change}; getent hosts example.com`)).stdout).toBe("");
    expect(await shell("cat /etc/hosts")).toBe(hosts);
  });

  it("shows no path of the host but where the engine keeps the image's layers", async () => {
    const mounts = (await shell("cat /proc/self/mountinfo")).trim().split("\n");
    // Field 4 is the root of the mount within its file system. For directories of the host that is
    // their path on it, which the kernel shows to whoever has the mount: it holds hashes, no names.
    const roots = new Map(
      mounts.map((line) => line.split(" ")).map(([, , , from, path]) => [path, from]),
    );
    for (const path of ["/workspace", "/home/agent"]) {
      expect(roots.get(path)).toMatch(/\/[0-9a-f]{64}\/(workspace|home)$/);
    }
    expect(roots.get("/etc/hosts")).toMatch(/\/hosts$/);
    const known = / (\/workspace|\/home\/agent|\/etc\/hosts) /;
    const others = mounts.filter((line) => !known.test(line)).join("\n");
    expect(others).not.toContain(root);
    expect(await shell("env; cat /proc/self/cgroup; hostname; cat /etc/hosts")).not.toContain(root);
  });

  it("cannot look at the first process or at the agent", async () => {
    const agent = `$(pgrep -o -u $(id -u) -f 'carrel-agent connect')`;
    for (const process of ["1", agent]) {
      const files = "environ maps mem root/etc/passwd cwd/. fd/.";
      const attempts = `for f in ${files}; do head -c 1 /proc/${process}/$f 2>/dev/null; ls /proc/${process}/$f/ 2>/dev/null; done; true`;
      expect(await shell(attempts)).toBe("");
    }
  });

  it("does not trace the agent, and traces its own", async () => {
    const script = `
import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
agent = int(subprocess.check_output(["pgrep", "-o", "-u", str(os.getuid()), "-f", "carrel-agent connect"]))
child = subprocess.Popen(["sleep", "60"])
PTRACE_SEIZE = 0x4206
print(libc.ptrace(PTRACE_SEIZE, agent, 0, 0), libc.ptrace(PTRACE_SEIZE, 1, 0, 0), libc.ptrace(PTRACE_SEIZE, child.pid, 0, 0))
child.kill()
`;
    expect(await python(script)).toBe("-1 -1 0\n");
  });

  it("reads nothing of the kernel's own", async () => {
    const paths = [
      "/proc/kcore",
      "/proc/keys",
      "/proc/timer_list",
      "/proc/interrupts",
      "/sys/firmware/dmi",
      "/sys/devices/virtual/powercap/intel-rapl",
      "/dev/mem",
      "/dev/kmsg",
    ];
    for (const path of paths) {
      expect(
        (await sandbox.execute(`head -c 100 ${path} 2>/dev/null; ls ${path}/ 2>/dev/null`)).stdout,
      ).toBe("");
    }
    const writes =
      "/proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /sys/kernel/uevent_helper";
    expect(
      await shell(`for f in ${writes}; do echo x > $f && echo $f; done 2>/dev/null; true`),
    ).toBe("");
  });

  it("gives no variable and no secret of the server", async () => {
    const seen = await shell("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; true");
    expect(seen).not.toContain(process.env.CARREL_TEST_CANARY);
    expect(seen).not.toMatch(/TOKEN|SECRET|API_KEY|PASSWORD|DOCKER_HOST/);
  });

  it("has its limits", async () => {
    const limits = await shell("cat /proc/self/limits");
    expect(limits).toMatch(/^Max core file size\s+1\s+1\s/m);
    expect(limits).toMatch(/^Max open files\s+4096\s+4096\s/m);
    expect(limits).toMatch(/^Max file size\s+2147483648\s+2147483648\s/m);
    expect(await sandbox.usage()).toMatchObject({
      memoryLimitBytes: 1024 ** 3,
      processLimit: 256,
    });
  });

  it("outlives whatever its user kills", async () => {
    for (const command of ["kill -9 -1", "kill -9 1", "kill -TERM 1", "kill -STOP 1"]) {
      // The connection may be gone before it was told that the command began.
      await Promise.allSettled([sandbox.execute(command)]);
      expect(await sandbox.status()).toBe("running");
      expect(await shell("echo alive")).toBe("alive\n");
    }
  });
});
