import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDockerProvider } from "../docker-provider.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";

describe.skipIf(!engineOrSkip())("Sockets and shared queues of a hardened container", () => {
  let root: string;
  let provider: SandboxProvider;
  let sandbox: ManagedSandbox;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "carrel-sockets-"));
    provider = await createDockerProvider({
      workspaceRoot: join(root, "workspaces"),
      image: TEST_IMAGE,
      engine: testEngineOptions(),
    });
    sandbox = await provider.create(`sockets ${randomUUID()}`);
  }, 120_000);

  afterAll(async () => {
    await sandbox?.destroy();
    await provider?.[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  }, 120_000);

  async function python(script: string): Promise<string> {
    await sandbox.write("probe.py", script);
    const result = await sandbox.execute("python3 probe.py");
    expect(result, result.output).toMatchObject({ exitCode: 0 });
    return result.stdout;
  }

  it("protocols of the internet but TCP and UDP: cannot be opened, with any flags", async () => {
    const printed = await python(`
import json, socket
def outcome(*arguments):
    try:
        socket.socket(*arguments).close()
        return 0
    except OSError as error:
        return error.errno
others = {"MPTCP": (1, 262), "SCTP": (1, 132), "SMC": (1, 256), "UDP-Lite": (2, 136), "ping": (2, 1),
    "ping6": (2, 58), "L2TP": (2, 115), "raw": (3, 255), "SCTP packets": (5, 132), "DCCP": (6, 33)}
found = {}
for family in (socket.AF_INET, socket.AF_INET6):
    for flags in (0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC, socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC):
        for name, (kind, protocol) in others.items():
            found.setdefault(name, set()).add(outcome(family, kind | flags, protocol))
        for kind, protocol in ((1, 0), (1, 6), (2, 0), (2, 17)):
            found.setdefault("TCP and UDP", set()).add(outcome(family, kind | flags, protocol))
for kind in (1, 2, 5):
    found.setdefault("unix", set()).add(outcome(socket.AF_UNIX, kind))
    socket.socketpair(socket.AF_UNIX, kind)
print(json.dumps({name: sorted(errors) for name, errors in found.items()}))
`);
    const EPERM = 1;
    const found = JSON.parse(printed) as Record<string, number[]>;
    const { "TCP and UDP": internet, unix, ...others } = found;
    expect([internet, unix]).toEqual([[0], [0]]);
    expect(Object.keys(others)).toHaveLength(10);
    for (const errors of Object.values(others)) expect(errors).toEqual([EPERM]);
  });

  it("programs over TCP, UDP and local sockets: work", async () => {
    const printed = await python(`
import asyncio, http.server, multiprocessing, socket, threading, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
assert urllib.request.urlopen(f"http://localhost:{port}/").status == 200
assert socket.getaddrinfo("localhost", port)
async def main():
    async def echo(reader, writer):
        writer.write(await reader.readline()); await writer.drain(); writer.close()
    listening = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writer.write(b"hello\\n")
    assert await reader.readline() == b"hello\\n"
    await asyncio.start_unix_server(echo, "local.sock")
    shell = await asyncio.create_subprocess_shell("echo child", stdout=-1)
    assert (await shell.communicate())[0] == b"child\\n"
asyncio.run(main())
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); receiver.bind(("127.0.0.1", 0))
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"datagram", receiver.getsockname())
assert receiver.recv(100) == b"datagram"
with multiprocessing.Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
print("all work")
`);
    expect(printed.trim()).toBe("all work");
    const git = await sandbox.execute(
      "command -v git >/dev/null || exit 0; git init -q repo && cd repo && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git clone -q . ../copy",
    );
    expect(git).toMatchObject({ exitCode: 0 });
  });

  it("queues counted by user, disk priorities and the writing of all files: are refused", async () => {
    const printed = await python(`
import ctypes, json, platform, os, socket
libc = ctypes.CDLL(None, use_errno=True)
column = 1 if platform.machine() == "aarch64" else 0
def errno_of(numbers, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(numbers[column]), *arguments)
    return ctypes.get_errno() if result < 0 else 0
calls = {"mq_open": ((240, 180), b"q", 0o102, 0o600, None), "ioprio_set": ((251, 30), 1, 0, 0),
    "syncfs": ((306, 267), 1), "sync": ((162, 81),)}
found = {name: errno_of(*call) for name, call in calls.items()}
one = socket.socket()
try:
    one.setsockopt(socket.IPPROTO_TCP, 31, b"tls")
    found["TCP_ULP"] = 0
except OSError as error:
    found["TCP_ULP"] = error.errno
with open("own", "w") as own:
    own.write("x"); os.fsync(own.fileno())
print(json.dumps(found))
`);
    expect(JSON.parse(printed)).toEqual({
      mq_open: 1,
      ioprio_set: 1,
      syncfs: 1,
      sync: 1,
      TCP_ULP: 1,
    });
    expect(await sandbox.execute("sync; echo ended")).toMatchObject({ stdout: "ended\n" });
  });
});
