import { readdir } from "node:fs/promises";
import { memoryUsage } from "node:process";
import { SandboxError } from "@carrel/backend-protocol";
import { expect, it, vi } from "vitest";
import { describeAttacks, expectUndisturbed, expectUsable, python } from "./hostile-bench.ts";

// The shell itself forks only once: one that could not would end, and leave its bomb behind.
const FORK_BOMB = "bomb() { bomb | bomb & }; bomb & while :; do :; done";

const FILLS_THE_LIMIT = `
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError:
        print("full", flush=True)
        time.sleep(60)
`;

describeAttacks("F: exhaustion", (bench) => {
  it("F1: a fork bomb is bounded, ended at its timeout, and nobody else notices", async () => {
    const { sandbox } = bench;
    const exploding = sandbox.execute(FORK_BOMB, { timeoutMs: 3000 });
    await expectUndisturbed(bench);
    expect((await exploding).outcome).toBe("timed-out");
    await expectUsable(sandbox);
  });

  it("F2: while the limit of processes is reached, files still work", async () => {
    const { sandbox } = bench;
    const full = await sandbox.spawn("python3 -", { stdin: FILLS_THE_LIMIT });
    for await (const { data } of full.output) if (Buffer.from(data).includes("full")) break;
    await sandbox.write("f2", "written at the limit");
    expect((await sandbox.stat("f2"))?.sizeBytes).toBe(20);
    const starting = await sandbox.execute("true").then(
      ({ outcome }) => outcome,
      (error: unknown) => (SandboxError.isInstance(error) ? error.code : error),
    );
    expect(["process-limit", "exited"]).toContain(starting);
    await full.kill();
    await expectUsable(sandbox);
  });

  it("F3 threads: a bomb of threads is bounded", async () => {
    const { sandbox } = bench;
    const { outcome } = await sandbox.execute(
      "python3 -c 'import threading, time\nwhile True:\n  try: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n  except RuntimeError: time.sleep(0.01)'",
      { timeoutMs: 3000 },
    );
    expect(outcome).toBe("timed-out");
    await expectUsable(sandbox);
  });

  it("F3 zombies: orphans are reaped", async () => {
    const { sandbox } = bench;
    await sandbox.execute("for n in $(seq 1 100); do (sleep 0.01 &) ; done; sleep 0.5");
    await vi.waitFor(async () => {
      const { stdout } = await sandbox.execute("grep -l '^State:.Z' /proc/[0-9]*/status | wc -l");
      expect(stdout.trim()).toBe("0");
    });
  });

  it("F4: a command that takes all memory is told apart, and the sandbox lives", async () => {
    const { sandbox } = bench;
    const result = await sandbox.execute(
      "python3 -c 'x = []\nwhile True: x.append(bytearray(50_000_000))'",
      { timeoutMs: 60_000 },
    );
    expect(result).toMatchObject({ outcome: "out-of-memory", exitCode: null });
    expect((await sandbox.execute("kill -9 $$")).outcome).toBe("signaled");
    await expectUsable(sandbox);
    await expectUndisturbed(bench);
  });

  it("F5: after memory ran out for everything in it, the sandbox is there again", async () => {
    const { sandbox } = bench;
    await sandbox.write("f5", "kept");
    const hogs = Array.from({ length: 4 }, () =>
      sandbox.execute("python3 -c 'x = []\nwhile True: x.append(bytearray(20_000_000))'", {
        timeoutMs: 60_000,
      }),
    );
    for (const { outcome } of await Promise.all(hogs)) {
      expect(["out-of-memory", "lost", "signaled"]).toContain(outcome);
    }
    if ((await sandbox.status()) !== "running") await sandbox.resume();
    expect(Buffer.from((await sandbox.read("f5")) ?? []).toString()).toBe("kept");
  });

  for (const place of ["/tmp", "/dev/shm"]) {
    it(`F6 ${place}: fills up within the sandbox's own bounds`, async () => {
      const { sandbox } = bench;
      const { stdout, stderr } = await sandbox.execute(
        `head -c 2000000000 /dev/zero > ${place}/full; stat -c %s ${place}/full; rm -f ${place}/full`,
      );
      expect(Number(stdout)).toBeLessThanOrEqual(300 * 1024 ** 2);
      expect(stderr).toMatch(/space|Killed|denied|Read-only/i);
      await expectUsable(sandbox);
    });
  }

  it("F7 one file: its size is bounded", async () => {
    const { output } = await bench.sandbox.execute(
      'fallocate -l 10G f7 || python3 -c \'import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); open("f7", "wb").truncate(10**10)\'; stat -c %s f7 2>/dev/null; rm -f f7',
    );
    expect(output).toMatch(/large/i);
  });

  for (const place of ["/", "/usr", "/var/tmp", "/home", "/etc", "/carrel"]) {
    it(`F8 ${place}: cannot be written`, async () => {
      const result = await bench.sandbox.execute(`echo x > ${place}/evil`);
      expect(result.exitCode).not.toBe(0);
      expect(result.stderr).toMatch(/read-only|denied/i);
    });
  }

  it("F9: no way leads into the host's log", async () => {
    const { stderr } = await bench.sandbox.execute("echo x > /proc/1/fd/1; echo x > /proc/1/fd/2");
    expect(stderr.match(/denied/gi)).toHaveLength(2);
  });

  it("F10 descriptors: are bounded for each process", async () => {
    const out = await python(
      bench.sandbox,
      "import os\nfds = []\ntry:\n  while True: fds.append(os.open('/dev/null', 0))\nexcept OSError as error: print(error.errno, len(fds) < 5000)",
    );
    expect(out).toBe("24 True\n");
    await expectUndisturbed(bench);
  });

  it("F10 watches, shared memory, queues, locks: the neighbour keeps its own", async () => {
    const { sandbox, neighbour } = bench;
    const script =
      "import ctypes, os\nlibc = ctypes.CDLL(None)\nfds = []\nwhile (fd := libc.inotify_init1(0)) >= 0: fds.append(fd)\nfd = fds[0]\nos.makedirs('/tmp/w', exist_ok=True)\nfor n in range(3000):\n  p = f'/tmp/w/{n}'; open(p, 'w').close(); libc.inotify_add_watch(fd, p.encode(), 2)\nsegments = [libc.shmget(0, 4096, 0o1600) for _ in range(1000)]\nprint('done')";
    expect(await python(sandbox, script)).toBe("done\n");
    const theirs =
      "import ctypes\nlibc = ctypes.CDLL(None)\nprint(libc.inotify_init1(0) >= 0, libc.shmget(0, 4096, 0o1600) >= 0)";
    expect(await python(neighbour, theirs)).toBe("True True\n");
    await sandbox.execute("rm -rf /tmp/w; ipcrm -a");
  });

  it("F10 terminals: the neighbour and the agent keep theirs", async () => {
    const { sandbox, neighbour } = bench;
    const takeAll =
      "import os, time\nfds = []\ntry:\n  while True: fds.append(os.open('/dev/ptmx', os.O_RDWR))\nexcept OSError as error: print(len(fds), error.strerror, flush=True)\ntime.sleep(60)";
    await sandbox.write("take_all.py", takeAll);
    const taker = await sandbox.spawn("python3 take_all.py");
    const decoder = new TextDecoder();
    for await (const { data } of taker.output) {
      expect(decoder.decode(data)).toMatch(/^32/);
      break;
    }
    const script = "import pty\nprint(len(pty.openpty()))";
    expect(await python(neighbour, script)).toBe("2\n");
    const size = { columns: 80, rows: 24 };
    await (await neighbour.openTerminal!(size)).close();
    await expect(sandbox.openTerminal!(size)).rejects.toMatchObject({ code: "unavailable" });
    await taker.kill();
    await (await sandbox.openTerminal!(size)).close();
  });

  it("F11: busy loops, however nice, leave the neighbour its share", async () => {
    const { sandbox } = bench;
    const burning = sandbox.execute(
      "for n in 1 2 3 4 5 6; do nice -n -20 sh -c 'while :; do :; done' & done; wait",
      {
        timeoutMs: 5000,
      },
    );
    await expectUndisturbed(bench);
    expect((await burning).outcome).toBe("timed-out");
  });

  it("F12: writes that are synced again and again leave the neighbour alone", async () => {
    const { sandbox } = bench;
    const storm = sandbox.execute(
      "while :; do dd if=/dev/zero of=f12 bs=64k count=16 oflag=sync 2>/dev/null; sync f12; done",
      {
        timeoutMs: 3000,
      },
    );
    await expectUndisturbed(bench);
    expect((await storm).outcome).toBe("timed-out");
    await sandbox.remove("f12");
  });

  it("F14: commands that are given up leave no descriptor behind", async () => {
    const { sandbox } = bench;
    await sandbox.execute("true");
    const before = (await readdir("/proc/self/fd")).length;
    for (let round = 0; round < 200; round++) {
      const abort = new AbortController();
      const running = sandbox.execute("sleep 5", { signal: abort.signal }).catch(() => null);
      setTimeout(() => abort.abort(), round % 7);
      await running;
    }
    await expectUsable(sandbox);
    expect((await readdir("/proc/self/fd")).length).toBeLessThanOrEqual(before + 5);
  });

  it("F15: thousands of commands leave this process's memory where it was", async () => {
    const { sandbox } = bench;
    const run = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 20) {
        await Promise.all(Array.from({ length: 20 }, () => sandbox.execute("true")));
      }
    };
    await run(500);
    const before = memoryUsage().rss;
    await run(1500);
    expect(memoryUsage().rss - before).toBeLessThan(80 * 1024 ** 2);
  });

  it("F16: five hundred commands at once of one user are all answered", async () => {
    const { sandbox } = bench;
    const all = Promise.allSettled(
      Array.from({ length: 500 }, (_, index) => sandbox.execute(`echo ${index}`)),
    );
    await expectUndisturbed(bench);
    const results = await all;
    for (const [index, result] of results.entries()) {
      if (result.status === "fulfilled") expect(result.value.stdout).toBe(`${index}\n`);
      else expect(["process-limit", "capacity"]).toContain((result.reason as SandboxError).code);
    }
    await expectUsable(sandbox);
  });
});
