import { expect, vi } from "vitest";
import type { ManagedSandbox } from "../managed-sandbox.ts";
import type { ExecuteResult } from "../process.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { outputOf } from "./processes-under-test.ts";

/** Calls of every kind, as a sandbox that does not run must refuse them. */
function someCalls(sandbox: ManagedSandbox): (() => Promise<unknown>)[] {
  return [
    () => sandbox.stat("file"),
    () => sandbox.ls("."),
    () => sandbox.read("file"),
    () => sandbox.readLines("file"),
    () => sandbox.write("file", "x"),
    () => sandbox.edit("file", "a", "b"),
    () => sandbox.remove("file"),
    () => sandbox.move("file", "other"),
    () => sandbox.mkdir("folder"),
    () => sandbox.glob("*"),
    () => sandbox.grep("x"),
    () => sandbox.readStream("file"),
    () => sandbox.archive("."),
    () => sandbox.execute("true"),
    () => sandbox.spawn("true"),
    () => sandbox.processes(),
    () => sandbox.attach("1"),
  ];
}

/** A command that runs by now: one that had not begun would be refused, not lost. */
async function startExecuting(
  sandbox: ManagedSandbox,
): Promise<{ result: Promise<ExecuteResult> }> {
  const command = "sleep 61";
  const result = sandbox.execute(command);
  await vi.waitFor(async () => {
    expect((await sandbox.processes()).map((process) => process.command)).toContain(command);
  });
  return { result };
}

export const lifecycleBehaviours: BehaviourGroup = {
  name: "lifecycle",
  behaviours: {
    "a new sandbox runs and is empty": async ({ provider, newKey }) => {
      const key = newKey();
      const sandbox = await provider.create(key);
      expect(await sandbox.status()).toBe("running");
      expect(sandbox.key).toBe(key);
      expect(sandbox.id).not.toBe("");
      expect(sandbox.id).not.toContain(key);
      expect(sandbox.workDir).toMatch(/^\/[^/]/);
      expect((await sandbox.glob("**/*")).files).toEqual([]);
    },

    "usage gives counts, or null where it cannot tell": async ({ sandbox }) => {
      const usage = await sandbox.usage();
      expect(Object.keys(usage).toSorted()).toEqual([
        "cpuMs",
        "diskBytes",
        "diskLimitBytes",
        "memoryBytes",
        "memoryLimitBytes",
        "processCount",
        "processLimit",
      ]);
      for (const value of Object.values(usage)) {
        if (value !== null) expect(value).toBeGreaterThanOrEqual(0);
      }
    },

    "usage without the disk gives the same but for that": async ({ sandbox }) => {
      await sandbox.write("file", "content");
      const [all, quick] = [await sandbox.usage(), await sandbox.usage({ disk: false })];
      expect(Object.keys(quick).toSorted()).toEqual(Object.keys(all).toSorted());
      expect(quick.diskBytes).toBeNull();
      expect(quick.processLimit).toBe(all.processLimit);
    },

    "stop keeps the files, and resume brings them back": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.write("a/file", "kept", { mode: 0o750 });
      await sandbox.execute("echo by command > made");
      await sandbox.stop();
      expect(await sandbox.status()).toBe("stopped");
      await sandbox.resume();
      expect(await sandbox.status()).toBe("running");
      expect(Buffer.from((await sandbox.read("a/file"))!).toString()).toBe("kept");
      expect((await sandbox.stat("a/file"))?.mode).toBe(0o750);
      expect((await sandbox.execute("cat made")).stdout).toBe("by command\n");
    },

    "stop ends its processes, which are lost": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      const process = await sandbox.spawn("echo before; sleep 60");
      const executing = await startExecuting(sandbox);
      await sandbox.stop();
      expect(await process.result).toMatchObject({ outcome: "lost", exitCode: null });
      expect(await executing.result).toMatchObject({ outcome: "lost", exitCode: null });
      await outputOf(process);
      await sandbox.resume();
      const running = (await sandbox.processes()).filter(({ result }) => result === null);
      expect(running).toEqual([]);
    },

    "a stopped sandbox refuses every call": async ({ createSandbox, rejects }) => {
      const sandbox = await createSandbox();
      await sandbox.stop();
      for (const call of someCalls(sandbox)) await rejects(call(), "unavailable");
      expect(await sandbox.status()).toBe("stopped");
    },

    "stop and resume can be repeated": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.resume();
      await sandbox.write("file", "kept");
      for (let round = 0; round < 2; round++) {
        await sandbox.stop();
        await sandbox.stop();
        await Promise.all([sandbox.resume(), sandbox.resume()]);
      }
      expect(Buffer.from((await sandbox.read("file"))!).toString()).toBe("kept");
    },

    "stop and resume at the same time are done in order": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      await Promise.all([sandbox.stop(), sandbox.resume(), sandbox.stop(), sandbox.resume()]);
      expect(await sandbox.status()).toBe("running");
      expect((await sandbox.execute("echo fine")).stdout).toBe("fine\n");
    },

    "leaving a scope stops, and deletes nothing": async ({ createSandbox, provider }) => {
      let key: string;
      {
        await using sandbox = await createSandbox();
        await sandbox.write("file", "kept");
        key = sandbox.key;
      }
      const found = await provider.find(key);
      expect(await found?.status()).toBe("stopped");
      await found?.resume();
      expect(Buffer.from((await found!.read("file"))!).toString()).toBe("kept");
    },

    "destroy ends it for good": async ({ createSandbox, provider, rejects }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "x");
      await sandbox.destroy();
      expect(await sandbox.status()).toBe("gone");
      for (const call of someCalls(sandbox)) await rejects(call(), "gone");
      await rejects(sandbox.resume(), "gone");
      await rejects(sandbox.usage(), "gone");
      expect(await provider.find(sandbox.key)).toBeNull();
    },

    "destroy can be repeated, and followed by stop": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      await Promise.all([sandbox.destroy(), sandbox.destroy()]);
      await sandbox.destroy();
      await sandbox.stop();
      await sandbox[Symbol.asyncDispose]();
      expect(await sandbox.status()).toBe("gone");
    },

    "destroy ends its processes, which are lost": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      const process = await sandbox.spawn("sleep 60");
      const executing = await startExecuting(sandbox);
      await sandbox.destroy();
      expect((await process.result).outcome).toBe("lost");
      expect((await executing.result).outcome).toBe("lost");
    },

    "destroy deletes the files also of a stopped sandbox": async ({ createSandbox, provider }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "x");
      await sandbox.stop();
      await sandbox.destroy();
      const next = await provider.create(sandbox.key);
      expect(await next.stat("file")).toBeNull();
    },

    "a later sandbox of the same key is another": async ({ createSandbox, provider, rejects }) => {
      const first = await createSandbox();
      await first.destroy();
      const second = await provider.create(first.key);
      await second.write("file", "second");
      expect(await first.status()).toBe("gone");
      await rejects(first.read("file"), "gone");
      await rejects(first.write("file", "first"), "gone");
      await first.destroy();
      expect(Buffer.from((await second.read("file"))!).toString()).toBe("second");
    },
  },
};

export const pauseBehaviours: BehaviourGroup = {
  name: "pause",
  requires: "pause",
  behaviours: {
    "freezes processes, and resume lets them go on": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      const process = await sandbox.spawn("read line; echo went on", { stdin: "open" });
      await sandbox.pause!();
      expect(await sandbox.status()).toBe("paused");
      await sandbox.resume();
      expect(await sandbox.status()).toBe("running");
      await process.write("go\n");
      expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
    },

    "refuses every call meanwhile": async ({ createSandbox, rejects }) => {
      const sandbox = await createSandbox();
      await sandbox.pause!();
      for (const call of someCalls(sandbox)) await rejects(call(), "unavailable");
      await sandbox.resume();
      expect((await sandbox.execute("echo fine")).stdout).toBe("fine\n");
    },

    "can be repeated": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      await Promise.all([sandbox.pause!(), sandbox.pause!()]);
      expect(await sandbox.status()).toBe("paused");
      await sandbox.resume();
      await sandbox.resume();
      expect(await sandbox.status()).toBe("running");
    },

    "can be followed by stop and by destroy": async ({ createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "kept");
      await sandbox.pause!();
      await sandbox.stop();
      expect(await sandbox.status()).toBe("stopped");
      await sandbox.resume();
      expect(Buffer.from((await sandbox.read("file"))!).toString()).toBe("kept");
      await sandbox.pause!();
      await sandbox.destroy();
      expect(await sandbox.status()).toBe("gone");
    },
  },
};
