import { Duplex } from "node:stream";
import type { FileEvent, ManagedSandbox, TerminalHandle } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { withSandboxes } from "../test/provider-doubles.ts";
import { openManager, runningKeys, settle } from "../test/test-manager.ts";
import type { TestManager } from "../test/test-manager.ts";

describe("the sandbox stays awake", () => {
  const expectBusy = async ({ manager, provider }: TestManager): Promise<void> => {
    expect(await manager.cleanupIdle(0)).toBe(0);
    expect(await runningKeys(provider)).toEqual(["alice"]);
  };
  const expectIdle = async ({ manager, provider }: TestManager): Promise<void> => {
    await settle();
    expect(await manager.cleanupIdle(0)).toBe(1);
    expect(await runningKeys(provider)).toEqual([]);
  };
  const openWith = (
    members: (sandbox: ManagedSandbox) => Partial<ManagedSandbox>,
  ): Promise<TestManager> => openManager({ wrap: (provider) => withSandboxes(provider, members) });

  test("while a command runs that somebody waits for", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    const command = sandbox.execute("sleep 0.5; echo done");
    await expectBusy(setup);
    expect(await command).toMatchObject({ outcome: "exited", stdout: "done\n" });
    await expectIdle(setup);
  });

  test("while a spawned command runs, though nobody reads it", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    const process = await sandbox.spawn("cat", { stdin: "open" });
    await expectBusy(setup);
    await process.closeStdin();
    await process.result;
    await expectIdle(setup);
  });

  test("while a download is read, until its end", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    await sandbox.write("a.txt", "content");
    const reader = (await sandbox.readStream("a.txt")).getReader();
    await expectBusy(setup);
    while (!(await reader.read()).done) await expectBusy(setup);
    await expectIdle(setup);
  });

  test("while a download is open, until it is cancelled or aborted", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    const cancelled = await sandbox.archive(".");
    const controller = new AbortController();
    await sandbox.archive(".", { signal: controller.signal });
    await expectBusy(setup);
    await cancelled.cancel();
    await expectBusy(setup);
    controller.abort();
    await expectIdle(setup);
  });

  test("while a download is open, until it fails", async () => {
    const failing = new ReadableStream<Uint8Array>({
      pull: () => {
        throw new Error("on purpose");
      },
    });
    await using setup = await openWith(() => ({ readStream: async () => failing }));
    const sandbox = await setup.manager.getOrCreate("alice");
    const stream = await sandbox.readStream("a.txt");
    await expectBusy(setup);
    await expect(new Response(stream).text()).rejects.toThrow("on purpose");
    await expectIdle(setup);
  });

  test("while a terminal is open", async () => {
    const closed = Promise.withResolvers<void>();
    const terminal: TerminalHandle = {
      id: "terminal",
      output: (async function* () {})(),
      closed: closed.promise,
      write: async () => {},
      resize: async () => {},
      close: async () => closed.resolve(),
    };
    await using setup = await openWith(() => ({ openTerminal: async () => terminal }));
    const sandbox = await setup.manager.getOrCreate("alice");
    const opened = await sandbox.openTerminal!({ columns: 80, rows: 24 });
    await expectBusy(setup);
    await opened.close();
    await expectIdle(setup);
  });

  test("while a connection to a server in it is open", async () => {
    const connection = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
    await using setup = await openWith(() => ({ connect: async () => connection }));
    const sandbox = await setup.manager.getOrCreate("alice");
    const opened = await sandbox.connect!(8080);
    await expectBusy(setup);
    opened.destroy();
    await expectIdle(setup);
  });

  test("while it is watched, until the watcher leaves", async () => {
    const change: FileEvent = { type: "changed", path: "/workspace/a.txt" };
    const watch = async function* (): AsyncGenerator<FileEvent, void> {
      for (;;) yield change;
    };
    await using setup = await openWith(() => ({ watch }));
    const sandbox = await setup.manager.getOrCreate("alice");
    await setup.manager.cleanupIdle(0);
    for await (const event of sandbox.watch!(".")) {
      expect(event).toEqual(change);
      await expectBusy(setup);
      break;
    }
    await expectIdle(setup);
  });

  test("while somebody holds a lease, also between calls", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    await manager.getOrCreate("alice");
    {
      using _turn = manager.lease("alice");
      using _other = manager.lease("alice");
      await expectBusy(setup);
    }
    await expectIdle(setup);
  });

  test("and a lease that is given back twice counts once", async () => {
    await using setup = await openManager();
    const { manager } = setup;
    await manager.getOrCreate("alice");
    const first = manager.lease("alice");
    const second = manager.lease("alice");
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    await expectBusy(setup);
    second[Symbol.dispose]();
    await expectIdle(setup);
  });

  test("and after a call that failed it may sleep", async () => {
    await using setup = await openManager();
    const sandbox = await setup.manager.getOrCreate("alice");
    await expect(sandbox.ls("absent")).rejects.toMatchObject({ code: "not-found" });
    await expect(sandbox.readStream("absent")).rejects.toMatchObject({ code: "not-found" });
    await expect(sandbox.attach("absent")).rejects.toMatchObject({ code: "not-found" });
    await expectIdle(setup);
  });
});

test("lease throws not-found for a session that is not open", async () => {
  await using setup = await openManager();
  const { manager } = setup;
  const notFound = expect.objectContaining({ code: "not-found" });
  expect(() => manager.lease("alice")).toThrow(notFound);
  await manager.getOrCreate("alice");
  await manager.release("alice");
  expect(() => manager.lease("alice")).toThrow(notFound);
});
