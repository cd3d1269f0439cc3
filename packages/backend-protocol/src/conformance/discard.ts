import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";

export const discardBehaviours: BehaviourGroup = {
  name: "discard",
  requires: "discard",
  behaviours: {
    "removes a stopped sandbox and keeps its files": async ({ provider, createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "kept");
      await sandbox.stop();
      expect(await provider.discard!(sandbox.key)).toBe(true);
      expect(await provider.find(sandbox.key)).toBeNull();
      expect((await provider.list()).map(({ key }) => key)).not.toContain(sandbox.key);
      const next = await provider.create(sandbox.key);
      expect(Buffer.from((await next.read("file"))!).toString()).toBe("kept");
    },

    "leaves its handles gone": async ({ provider, createSandbox, rejects }) => {
      const sandbox = await createSandbox();
      await sandbox.stop();
      await provider.discard!(sandbox.key);
      expect(await sandbox.status()).toBe("gone");
      await rejects(sandbox.resume(), "gone");
    },

    "leaves one that runs or is paused alone": async ({ provider, createSandbox }) => {
      const sandbox = await createSandbox();
      expect(await provider.discard!(sandbox.key)).toBe(false);
      expect(await sandbox.status()).toBe("running");
      await sandbox.pause?.();
      expect(await provider.discard!(sandbox.key)).toBe(false);
      await sandbox.resume();
      expect((await sandbox.execute("echo fine")).stdout).toBe("fine\n");
    },

    "tells that there was none": async ({ provider, createSandbox, newKey }) => {
      expect(await provider.discard!(newKey())).toBe(false);
      const sandbox = await createSandbox();
      await sandbox.stop();
      expect(await provider.discard!(sandbox.key)).toBe(true);
      expect(await provider.discard!(sandbox.key)).toBe(false);
    },

    "lets files of a discarded sandbox be removed": async ({ provider, createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "x");
      await sandbox.stop();
      await provider.discard!(sandbox.key);
      await provider.remove(sandbox.key);
      const next = await provider.create(sandbox.key);
      expect(await next.stat("file")).toBeNull();
    },

    "goes together with a resume: one of both wins": async ({ provider, createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "kept");
      await sandbox.stop();
      const [discarded] = await Promise.allSettled([
        provider.discard!(sandbox.key),
        sandbox.resume(),
      ]);
      expect(discarded.status).toBe("fulfilled");
      const found = await provider.find(sandbox.key);
      const survivor = found ?? (await provider.create(sandbox.key));
      await survivor.resume();
      expect(Buffer.from((await survivor.read("file"))!).toString()).toBe("kept");
    },
  },
};
