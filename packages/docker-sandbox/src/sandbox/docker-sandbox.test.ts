import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Container } from "dockerode";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";
import { createDockerProvider } from "../docker-provider.ts";
import { connectEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/engine.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { startHoldingProxy } from "../testing/holding-proxy.ts";

/** Where an agent is given up first, which takes 15 s. */
const LONG_TEST_MS = 90_000;

/** Fills the table of processes, ends the agent, and takes each place that becomes free. */
const FILL = `
import os, signal
os.setsid()
def fill():
    try:
        while True:
            if os.fork() == 0:
                signal.pause()
    except OSError:
        pass
fill()
for name in filter(str.isdigit, os.listdir("/proc")):
    try:
        if b"connect" in open(f"/proc/{name}/cmdline", "rb").read():
            os.kill(int(name), 9)
    except OSError:
        pass
while True:
    fill()
`;

describe.skipIf(!engineOrSkip())("a sandbox", () => {
  let root: string;
  let engine: Engine;
  let provider: SandboxProvider;
  let count = 0;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "carrel-docker-sandbox-"));
    engine = await connectEngine(testEngineOptions());
    const workspaceRoot = join(root, "workspaces");
    const options = { workspaceRoot, image: TEST_IMAGE, engine: testEngineOptions() };
    provider = await createDockerProvider({ ...options, limits: { processes: 64 } });
  });

  afterAll(async () => {
    await provider[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  async function create(): Promise<{ key: string; sandbox: ManagedSandbox }> {
    const key = `key-${++count}`;
    const sandbox = await provider.create(key);
    onTestFinished(async () => void (await provider.remove(key)));
    return { key, sandbox };
  }

  async function containerOf(sandbox: ManagedSandbox): Promise<Container> {
    const containers = await engine.docker.listContainers({
      all: true,
      filters: { label: [`carrel.sandbox=${sandbox.id}`] },
    });
    expect(containers).toHaveLength(1);
    return engine.docker.getContainer(containers[0]!.Id);
  }

  /** As somebody with access to the engine would. */
  async function freeze(sandbox: ManagedSandbox): Promise<void> {
    await (await containerOf(sandbox)).pause();
  }

  it("of thousands of files is idle while it is asked what it uses, but for the disk", async () => {
    const { sandbox } = await create();
    await sandbox.execute("mkdir many && cd many && seq 8000 | xargs touch");
    const before = await sandbox.usage({ disk: false });
    const quiet = await sandbox.usage({ disk: false });
    const withDisk = await sandbox.usage();
    const counted = await sandbox.usage({ disk: false });
    const idleMs = quiet.cpuMs! - before.cpuMs!;
    // Five milliseconds in half a second is what a session manager takes for work.
    expect(idleMs).toBeLessThan(5);
    expect(counted.cpuMs! - quiet.cpuMs!).toBeGreaterThan(idleMs);
    expect([quiet.diskBytes, withDisk.diskBytes]).toEqual([null, expect.any(Number)]);
  });

  it("that somebody else froze goes on with the next call", async () => {
    const { sandbox } = await create();
    await freeze(sandbox);
    expect(await sandbox.status()).toBe("paused");
    const { outcome, stdout } = await sandbox.execute("echo thawed");
    expect({ outcome, stdout }).toEqual({ outcome: "exited", stdout: "thawed\n" });
    expect(await sandbox.status()).toBe("running");
  });

  it("that somebody else froze amid a call goes on with it", async () => {
    const { sandbox } = await create();
    const process = await sandbox.spawn("read line; echo $line", { stdin: "open" });
    await freeze(sandbox);
    await process.write("thawed\n");
    expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
  });

  it("that somebody else froze goes on where nobody was connected to it", async () => {
    const { key, sandbox } = await create();
    await using other = await createDockerProvider({
      workspaceRoot: join(root, "workspaces"),
      image: TEST_IMAGE,
      engine: testEngineOptions(),
      limits: { processes: 64 },
    });
    const found = await other.find(key);
    await freeze(sandbox);
    expect((await found!.execute("echo thawed")).stdout).toBe("thawed\n");
  });

  it("that was frozen is awake as soon as its agent answers, before the engine does", async () => {
    const { key } = await create();
    await using proxy = await startHoldingProxy(/^POST .*\/unpause/);
    await using other = await createDockerProvider({
      workspaceRoot: join(root, "workspaces"),
      image: TEST_IMAGE,
      engine: { host: proxy.host },
      limits: { processes: 64 },
    });
    const sandbox = (await other.find(key))!;
    await sandbox.execute("true");
    await sandbox.pause!();
    await sandbox.resume();
    await proxy.held;
    expect((await sandbox.execute("echo thawed")).stdout).toBe("thawed\n");
    let frozenAgain = false;
    const pausing = sandbox.pause!().then(() => (frozenAgain = true));
    expect((await sandbox.execute("sleep 0.2; echo still")).stdout).toBe("still\n");
    expect(frozenAgain).toBe(false);
    proxy.letGo();
    await pausing;
    expect(await sandbox.status()).toBe("paused");
    await sandbox.resume();
  });

  it("that was frozen and ended by somebody else wakes as from a stop", async () => {
    const { sandbox } = await create();
    await sandbox.write("file", "kept");
    await sandbox.pause!();
    const container = await containerOf(sandbox);
    await container.kill();
    await container.wait();
    await sandbox.resume();
    expect((await sandbox.execute("cat file")).stdout).toBe("kept");
  });

  it("that was frozen and removed by somebody else is gone", async () => {
    const { sandbox } = await create();
    await sandbox.pause!();
    await (await containerOf(sandbox)).remove({ force: true, v: true });
    await expect(sandbox.resume()).rejects.toMatchObject({ code: "gone" });
    expect(await sandbox.status()).toBe("gone");
  });

  it("that nobody is connected to is awake when the engine says so", async () => {
    const { key, sandbox } = await create();
    await sandbox.pause!();
    await using other = await createDockerProvider({
      workspaceRoot: join(root, "workspaces"),
      image: TEST_IMAGE,
      engine: testEngineOptions(),
      limits: { processes: 64 },
    });
    const found = (await other.find(key))!;
    await found.resume();
    expect((await found.execute("echo thawed")).stdout).toBe("thawed\n");
  });

  it("stays frozen where it was told to be", async () => {
    const { sandbox } = await create();
    const process = await sandbox.spawn("read line", { stdin: "open" });
    await sandbox.pause!();
    await expect(sandbox.execute("true")).rejects.toMatchObject({ code: "unavailable" });
    expect(await sandbox.status()).toBe("paused");
    await sandbox.resume();
    await process.kill();
  });

  it("whose directories were closed to everyone is opened when it starts again", async () => {
    const { sandbox } = await create();
    await sandbox.write("file", "kept");
    await sandbox.execute('chmod 000 /workspace "$HOME"', { cwd: "/" });
    await expect(sandbox.read("file")).rejects.toMatchObject({ code: "permission-denied" });
    await sandbox.stop();
    await sandbox.resume();
    expect(Buffer.from((await sandbox.read("file"))!).toString()).toBe("kept");
    const { stdout } = await sandbox.execute('stat -c %a . "$HOME"');
    expect(stdout).toBe("700\n700\n");
  });

  it("whose agent was ended is opened to the next one as well", async () => {
    const { sandbox } = await create();
    const command = "read line; chmod 000 /workspace; kill -9 $PPID";
    const process = await sandbox.spawn(command, { stdin: "open" });
    await process.write("go\n");
    expect(await process.result).toMatchObject({ outcome: "lost" });
    expect((await sandbox.execute("pwd")).stdout).toBe("/workspace\n");
  });

  it(
    "whose agent was stopped by a signal goes on once it was silent for long enough",
    async () => {
      const { sandbox } = await create();
      const stopping = await sandbox.execute(
        "setsid sh -c 'sleep 1; kill -STOP '$PPID > /dev/null 2>&1 &",
      );
      expect(stopping.exitCode).toBe(0);
      const { stdout } = await sandbox.execute("sleep 2; echo went on");
      expect(stdout).toBe("went on\n");
    },
    LONG_TEST_MS,
  );

  // The place of the agent that ended is taken by whoever is faster: the next agent may be.
  it("that has no room for its agent says so, until it was stopped", { retry: 2 }, async () => {
    const { sandbox } = await create();
    await sandbox.write("fill.py", FILL);
    const filling = await sandbox.spawn(
      "env -u CARREL_PROCESS python3 fill.py > /dev/null 2>&1 < /dev/null & sleep 600",
    );
    const refusal = (): Promise<unknown> =>
      sandbox.execute("true").catch(({ code, message }) => ({ code, message }));
    await expect
      .poll(refusal, { timeout: 20_000 })
      .toMatchObject({ code: "process-limit", message: expect.stringContaining("its agent") });
    await sandbox.stop();
    expect(await filling.result).toMatchObject({ outcome: "lost" });
    await sandbox.resume();
    expect((await sandbox.execute("echo back")).stdout).toBe("back\n");
  });
});
