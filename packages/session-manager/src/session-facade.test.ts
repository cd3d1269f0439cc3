import { narrowSandbox, SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { Gate, withSandboxes } from "../test/provider-doubles.ts";
import { openManager, statusOf } from "../test/test-manager.ts";

const text = (bytes: Uint8Array | null): string | null =>
  bytes && Buffer.from(bytes).toString("utf8");

describe("the view of a session's sandbox", () => {
  test("has what tools may use, and nothing that ends the sandbox, also at run time", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    const managed = await setup.provider.find("alice");
    expect(Object.keys(sandbox).toSorted()).toEqual(
      Object.keys(narrowSandbox(managed!)).toSorted(),
    );
    for (const name of ["stop", "resume", "destroy", "pause", "status", "usage", "key"]) {
      expect(name in sandbox).toBe(false);
    }
    expect(Symbol.asyncDispose in sandbox).toBe(false);
    expect(sandbox.workDir).toBe(managed!.workDir);
    expect(sandbox.id).toBe(managed!.id);
  });

  test("passes every operation on", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    expect(await sandbox.write("a.txt", "one\ntwo\n")).toMatchObject({ created: true });
    expect(await sandbox.edit("a.txt", "two", "2")).toMatchObject({ replacements: 1 });
    expect((await sandbox.readLines("a.txt"))?.lines).toEqual(["one", "2"]);
    expect(text(await sandbox.read("a.txt", { limit: 3 }))).toBe("one");
    await sandbox.mkdir("dir");
    await sandbox.move("a.txt", "dir/b.txt");
    expect(await sandbox.stat("a.txt")).toBeNull();
    expect((await sandbox.ls("dir")).map(({ name }) => name)).toEqual(["b.txt"]);
    expect((await sandbox.glob("**/*.txt")).files).toHaveLength(1);
    expect((await sandbox.grep("one")).matches).toHaveLength(1);
    expect(await new Response(await sandbox.readStream("dir/b.txt")).text()).toBe("one\n2\n");
    const tar = await new Response(await sandbox.archive("dir")).arrayBuffer();
    expect(tar.byteLength % 512).toBe(0);
    expect(await sandbox.remove("dir", { recursive: true })).toBe(true);
    const spawned = await sandbox.spawn("cat", { stdin: "open" });
    await spawned.write("through");
    await spawned.closeStdin();
    const attached = await sandbox.attach(spawned.id);
    expect(await attached.result).toMatchObject({ outcome: "exited", exitCode: 0 });
    expect(await sandbox.processes()).toHaveLength(1);
    expect(await sandbox.execute("echo hi; exit 3")).toMatchObject({ exitCode: 3, stdout: "hi\n" });
  });

  test("passes errors on as they are", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    await expect(sandbox.ls("absent")).rejects.toMatchObject({ code: "not-found" });
    await expect(sandbox.edit("absent", "a", "b")).rejects.toMatchObject({ code: "not-found" });
    const controller = new AbortController();
    controller.abort();
    await expect(sandbox.ls(".", { signal: controller.signal })).rejects.toMatchObject({
      code: "aborted",
    });
  });

  test("throws gone once its session ended, though the sandbox runs on for another", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const id = await manager.createSession({ userId: "alice" });
    const ended = await manager.getSession(id);
    const other = await manager.getOrCreate("alice");
    await manager.endSession(id);
    await expect(ended.ls(".")).rejects.toMatchObject({ code: "gone" });
    await expect(ended.execute("true")).rejects.toMatchObject({ code: "gone" });
    await other.ls(".");
  });

  test("still tells its id and where it worked after its workspace was deleted", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const id = await manager.createSession();
    const sandbox = await manager.getSession(id);
    const { id: sandboxId, workDir } = sandbox;
    await manager.endSession(id);
    expect(sandbox).toMatchObject({ id: sandboxId, workDir });
  });

  test("of a session that ended stays ended when its id is opened again", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    const before = await manager.getOrCreate("alice");
    await manager.release("alice");
    const after = await manager.getOrCreate("alice");
    await expect(before.ls(".")).rejects.toMatchObject({ code: "gone" });
    await after.ls(".");
  });
});

const operations: Record<string, (sandbox: Awaited<ReturnType<typeof openFacade>>) => unknown> = {
  stat: (sandbox) => sandbox.stat("."),
  read: (sandbox) => sandbox.read("kept.txt"),
  write: (sandbox) => sandbox.write("b.txt", "b"),
  "write with a hash": (sandbox) => sandbox.write("b.txt", "b", { ifHash: null }),
  "write of a stream": (sandbox) => sandbox.write("b.txt", new Blob(["b"]).stream()),
  edit: (sandbox) => sandbox.edit("kept.txt", "kept", "edited"),
  move: (sandbox) => sandbox.move("kept.txt", "moved.txt"),
  remove: (sandbox) => sandbox.remove("kept.txt"),
  execute: (sandbox) => sandbox.execute("true"),
  spawn: async (sandbox) => (await sandbox.spawn("true")).result,
  readStream: async (sandbox) => (await sandbox.readStream("kept.txt")).cancel(),
};

type Setup = Awaited<ReturnType<typeof openManager>>;

async function openFacade({ manager }: Setup): ReturnType<Setup["manager"]["getOrCreate"]> {
  const sandbox = await manager.getOrCreate("alice");
  await sandbox.write("kept.txt", "kept");
  return sandbox;
}

describe("a sandbox that does not run any more", () => {
  describe.each(Object.entries(operations))("and %s", (_, operation) => {
    test("was put to sleep: it is woken", async () => {
      await using setup = await openManager();
      const sandbox = await openFacade(setup);
      await setup.manager.cleanupIdle(0);
      await operation(sandbox);
      expect(await statusOf(setup.provider, "alice")).toBe("running");
    });

    test("was stopped behind the manager's back: it is woken", async () => {
      await using setup = await openManager();
      const sandbox = await openFacade(setup);
      await (await setup.provider.find("alice"))!.stop();
      await operation(sandbox);
      expect(await statusOf(setup.provider, "alice")).toBe("running");
    });
  });

  test("is replaced where it is gone, and the facade follows", async () => {
    await using setup = await openManager();
    const { manager, provider, events } = setup;
    const sandbox = await manager.getOrCreate("alice");
    const before = sandbox.id;
    await provider.remove("alice");
    expect(await sandbox.write("a.txt", "new")).toMatchObject({ created: true });
    expect(sandbox.id).not.toBe(before);
    expect(sandbox.id).toBe((await provider.find("alice"))!.id);
    expect(events.at(-1)).toMatchObject({ type: "sandbox-replaced", sandboxId: sandbox.id });
  });

  test("is woken once for all callers that find it down at the same time", async () => {
    await using setup = await openManager();
    const { manager, provider, events } = setup;
    const sandbox = await manager.getOrCreate("alice");
    await (await provider.find("alice"))!.stop();
    await Promise.all(Array.from({ length: 50 }, () => sandbox.stat(".")));
    expect(events.filter(({ type }) => type === "session-woken")).toHaveLength(1);
  });

  test("and was woken by another caller before this one could look: it tries again as well", async () => {
    const gate = new Gate();
    let looks = 0;
    await using setup = await openManager({
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          status: async () => {
            if (++looks === 1) await gate.pass();
            return sandbox.status();
          },
        })),
    });
    const { manager, provider } = setup;
    const sandbox = await manager.getOrCreate("alice");
    await (await provider.find("alice"))!.stop();
    const slow = sandbox.stat(".");
    await gate.reached;
    await sandbox.stat(".");
    gate.open();
    expect(await slow).not.toBeNull();
  });

  test("while it runs, unavailable is passed on: nothing was asleep", async () => {
    let calls = 0;
    await using setup = await openManager({
      wrap: (provider) =>
        withSandboxes(provider, () => ({
          execute: async () => {
            calls += 1;
            throw new SandboxError({ code: "unavailable", message: "The channel is down." });
          },
        })),
    });
    const sandbox = await setup.manager.getOrCreate("alice");
    await expect(sandbox.execute("true")).rejects.toMatchObject({
      code: "unavailable",
      message: "The channel is down.",
    });
    expect(calls).toBe(1);
  });

  test("and dies again and again: the caller hears unavailable, after one more try", async () => {
    let calls = 0;
    await using setup = await openManager({
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          stat: async (path) => {
            calls += 1;
            await sandbox.stop();
            return sandbox.stat(path);
          },
        })),
    });
    const sandbox = await setup.manager.getOrCreate("alice");
    await expect(sandbox.stat(".")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("stopped again"),
      retryAfterMs: expect.any(Number),
    });
    expect(calls).toBe(2);
  });

  test("and died in the middle of an edit: it is not edited twice, and the caller is told", async () => {
    let calls = 0;
    await using setup = await openManager({
      wrap: (provider) =>
        withSandboxes(provider, (sandbox) => ({
          edit: async (path, oldText, newText) => {
            calls += 1;
            await sandbox.edit(path, oldText, newText);
            await sandbox.stop();
            throw new SandboxError({ code: "unavailable", message: "The channel broke." });
          },
        })),
    });
    const sandbox = await setup.manager.getOrCreate("alice");
    await sandbox.write("a.txt", "a");
    await expect(sandbox.edit("a.txt", "a", "aa")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("nobody knows whether it took effect"),
    });
    expect(calls).toBe(1);
    expect(text(await sandbox.read("a.txt"))).toBe("aa");
  });

  test("and cannot be woken: the caller hears why", async () => {
    const broken = new SandboxError({ code: "no-space", message: "The disk is full." });
    await using setup = await openManager({
      wrap: (provider) => withSandboxes(provider, () => ({ resume: () => Promise.reject(broken) })),
    });
    const sandbox = await setup.manager.getOrCreate("alice");
    await setup.manager.cleanupIdle(0);
    await expect(sandbox.stat(".")).rejects.toBe(broken);
  });
});
