import { execFile } from "node:child_process";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDockerProvider } from "./docker-provider.ts";
import type { DockerSandboxProvider } from "./docker-provider.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "./testing/engine.ts";
import { expectNoLeaks } from "./testing/leak-check.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 240_000;
const IS_ROOT = process.getuid?.() === 0;

/** Takes all that the kernel gives one uid, says so, and holds it. */
const EXHAUST = {
  // The bound of instances is 128 or more for each uid.
  "instances of inotify": `
import ctypes, os, resource, sys, time
libc = ctypes.CDLL(None, use_errno=True)
children = 0
for _ in range(20):
    if os.fork() == 0:
        while libc.inotify_init1(0) >= 0: pass
        print(ctypes.get_errno(), flush=True); time.sleep(600)
time.sleep(600)`,
  // Each instance watches the same directories: a million watches and more.
  "watches of inotify": `
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
names = [f"/tmp/w{i}".encode() for i in range(20000)]
for name in names: os.mkdir(name)
def fill():
    while True:
        fd = libc.inotify_init1(0)
        for name in names:
            if libc.inotify_add_watch(fd, name, 2) < 0: return ctypes.get_errno()
print(fill(), flush=True); time.sleep(600)`,
  "queued signals": `
import ctypes, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN + 1])
value = ctypes.c_void_p(0)
n = 0
while libc.sigqueue(os.getpid(), signal.SIGRTMIN + 1, value) == 0 and n < 400000: n += 1
print(ctypes.get_errno(), flush=True); time.sleep(600)`,
} as const;

describe.skipIf(!engineOrSkip() || !IS_ROOT)(
  "A uid for each sandbox",
  { timeout: TIMEOUT_MS },
  () => {
    let workspaceRoot: string;
    let provider: DockerSandboxProvider;

    beforeEach(async () => {
      workspaceRoot = await mkdtemp(join(tmpdir(), "carrel-uids-"));
      provider = await open();
    }, TIMEOUT_MS);
    afterEach(async () => {
      for (const { key } of await provider.list()) await provider.remove(key);
      await provider[Symbol.asyncDispose]();
      await expectNoLeaks(workspaceRoot);
      expect(await readdir(join(workspaceRoot, ".uids"))).toEqual([]);
      await rm(workspaceRoot, { recursive: true, force: true });
    }, TIMEOUT_MS);

    function open(): Promise<DockerSandboxProvider> {
      return createDockerProvider({
        workspaceRoot,
        image: TEST_IMAGE,
        engine: testEngineOptions(),
      });
    }

    async function shell(sandbox: ManagedSandbox, command: string): Promise<string> {
      return (await sandbox.execute(command)).stdout;
    }

    it("execute: programs and files of two users never have one uid", async () => {
      await using other = await open();
      const keys = Array.from({ length: 6 }, (_, index) => `user ${index}`);
      const made = await Promise.all(
        keys.map((key, index) => (index % 2 ? other : provider).create(key)),
      );
      const told = await Promise.all(
        made.map((sandbox) =>
          shell(sandbox, "id -u; id -g; touch f; stat -c %u:%g f . ~ | sort -u"),
        ),
      );
      expect(new Set(told).size).toBe(6);
      for (const text of told) {
        const [uid] = text.split("\n");
        expect(text).toBe(`${uid}\n${uid}\n${uid}:${uid}\n`);
      }
    });

    it.each(Object.entries(EXHAUST))(
      "execute: goes on while another sandbox has taken all %s that its uid may have",
      async (_, script) => {
        const [attacker, victim] = [
          await provider.create("attacker"),
          await provider.create("victim"),
        ];
        await attacker.write("attack.py", script);
        const attack = await attacker.execute(
          "python3 attack.py > said 2>&1 & for i in $(seq 300); do [ -s said ] && break; sleep 0.1; done; sleep 1; cat said",
        );
        expect(attack.stdout).toMatch(/^(?:\d+\n)+$/);
        for (let round = 0; round < 5; round++) {
          expect(await victim.execute(`echo ${round}; ls /usr | wc -l > n`)).toMatchObject({
            outcome: "exited",
            exitCode: 0,
            stdout: `${round}\n`,
          });
        }
        const mine = `
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN + 1])
fd = libc.inotify_init1(0)
print(fd >= 0, libc.inotify_add_watch(fd, b"/tmp", 2) > 0, libc.sigqueue(os.getpid(), signal.SIGRTMIN + 1, ctypes.c_void_p(0)))`;
        await victim.write("mine.py", mine);
        expect(await shell(victim, "python3 mine.py")).toBe("True True 0\n");
      },
    );

    it("resume: a sandbox that was stopped keeps its uid and files", async () => {
      const sandbox = await provider.create("alice");
      const before = await shell(sandbox, "id -u; echo x > f");
      await sandbox.stop();
      await sandbox.resume();
      expect(await shell(sandbox, "id -u; cat f")).toBe(`${before}x\n`);
      await sandbox.stop();
      await provider.discard("alice");
      expect(await shell(await provider.create("alice"), "id -u; cat f")).toBe(`${before}x\n`);
    });

    it("resume: files that belong to another uid are given to the sandbox's", async () => {
      const sandbox = await provider.create("alice");
      await shell(sandbox, "mkdir -p a/b; echo x > a/b/f; ln -s /etc/passwd link; echo y > ~/f");
      await sandbox.stop();
      const [hash] = (await readdir(workspaceRoot)).filter((name) => /^[0-9a-f]{64}$/.test(name));
      const directory = join(workspaceRoot, hash!);
      const places = ["workspace", "home"].map((place) => join(directory, place));
      await run("chown", ["-hR", "61000:61000", ...places]);
      await using other = await open();
      const found = (await other.find("alice"))!;
      await found.resume();
      expect(await shell(found, "cat a/b/f ~/f; find . ~ ! -user $(id -u)")).toBe("x\ny\n");
      const { uid } = await lstat(places[0]!);
      expect(await shell(found, "id -u")).toBe(`${uid}\n`);
      expect(uid).not.toBe(61_000);
      // The uid of before has no files any more: it is found by those who sweep, an hour later.
      await rm(join(workspaceRoot, ".uids"), { recursive: true });
      await run("mkdir", [join(workspaceRoot, ".uids"), join(workspaceRoot, ".uids", String(uid))]);
    });
  },
);
