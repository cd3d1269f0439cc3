import { expect } from "vitest";
import type { Behaviour, BehaviourGroup } from "./behaviour.ts";
import { settledCodes } from "./races.ts";

/** Pairs of keys that a provider may take for the same. A test's own random part comes before. */
const KEY_PAIRS: Readonly<Record<string, [string, string]>> = {
  "in case": ["User", "user"],
  "in Unicode normalisation": ["\u00e9", "e\u0301"],
  "in a path's dots": ["b", "a/../b"],
  "in a slash at the end": ["a", "a/"],
  "in spaces": ["a", "a "],
  "in a line break": ["a", "a\n"],
  "in a wildcard": ["a", "*"],
  "after 300 characters": [`${"x".repeat(300)}1`, `${"x".repeat(300)}2`],
  "in a separator": ["a-b", "a_b"],
};

const keyPairs = Object.fromEntries(
  Object.entries(KEY_PAIRS).map(([difference, suffixes]): [string, Behaviour] => [
    `keeps keys apart that differ only ${difference}`,
    async ({ provider, newKey }) => {
      const base = newKey();
      const [first, second] = suffixes.map((suffix) => `${base} ${suffix}`);
      const sandboxes = [await provider.create(first!), await provider.create(second!)];
      try {
        await sandboxes[0]!.write("file", "x");
        expect(await sandboxes[1]!.stat("file")).toBeNull();
        expect(sandboxes[0]!.id).not.toBe(sandboxes[1]!.id);
        expect((await provider.find(second!))?.key).toBe(second);
      } finally {
        await Promise.all(sandboxes.map((sandbox) => sandbox.destroy()));
      }
    },
  ]),
);

export const providerBehaviours: BehaviourGroup = {
  name: "provider",
  behaviours: {
    ...keyPairs,

    "tells what it is": async ({ provider }) => {
      expect(provider.info.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(provider.info.description).not.toBe("");
      expect(["process", "container", "virtual-machine"]).toContain(provider.info.isolation);
    },

    "refuses to create a second sandbox of a key": async ({ createSandbox, provider, rejects }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "x");
      await rejects(provider.create(sandbox.key), "already-exists");
      await sandbox.stop();
      await rejects(provider.create(sandbox.key), "already-exists");
      await sandbox.resume();
      expect(await sandbox.stat("file")).not.toBeNull();
    },

    "makes one sandbox where several ask at the same time": async ({ provider, newKey }) => {
      const key = newKey();
      const outcomes = await settledCodes(Array.from({ length: 8 }, () => provider.create(key)));
      expect(outcomes.toSorted()).toEqual([...Array(7).fill("already-exists"), "fulfilled"]);
      expect(await (await provider.find(key))?.status()).toBe("running");
    },

    "makes sandboxes of several keys at the same time": async ({ provider, newKey }) => {
      const keys = [newKey(), newKey(), newKey()];
      const sandboxes = await Promise.all(keys.map((key) => provider.create(key)));
      expect(sandboxes.map(({ key }) => key)).toEqual(keys);
      expect(new Set(sandboxes.map(({ id }) => id)).size).toBe(3);
    },

    "makes nothing where its signal has fired": async ({ provider, newKey, rejects }) => {
      const key = newKey();
      await rejects(provider.create(key, { signal: AbortSignal.abort() }), "aborted");
      expect(await provider.find(key)).toBeNull();
    },

    "finds the sandbox of a key": async ({ createSandbox, provider }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "x");
      const found = await provider.find(sandbox.key);
      expect(found).toMatchObject({
        key: sandbox.key,
        id: sandbox.id,
        workDir: sandbox.workDir,
      });
      expect(await found!.stat("file")).toEqual(await sandbox.stat("file"));
      await found!.stop();
      expect(await sandbox.status()).toBe("stopped");
      expect(await (await provider.find(sandbox.key))?.status()).toBe("stopped");
    },

    "finds nothing where none was made": async ({ provider, newKey }) => {
      for (const key of [newKey(), "__proto__", "constructor", "*", "conformance"]) {
        expect(await provider.find(key)).toBeNull();
      }
    },

    "lists sandboxes that run or are stopped": async ({ createSandbox, provider }) => {
      const [running, stopped, destroyed] = [
        await createSandbox(),
        await createSandbox(),
        await createSandbox(),
      ];
      await stopped.stop();
      await destroyed.destroy();
      const listed = await provider.list();
      const summaryOf = (key: string) => listed.filter((summary) => summary.key === key);
      expect(summaryOf(running.key)).toEqual([
        { key: running.key, id: running.id, status: "running" },
      ]);
      expect(summaryOf(stopped.key)).toEqual([
        { key: stopped.key, id: stopped.id, status: "stopped" },
      ]);
      expect(summaryOf(destroyed.key)).toEqual([]);
    },

    "removes a sandbox with its files": async ({ createSandbox, provider, rejects }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "x");
      expect(await provider.remove(sandbox.key)).toBe(true);
      expect(await provider.find(sandbox.key)).toBeNull();
      expect(await sandbox.status()).toBe("gone");
      await rejects(sandbox.read("file"), "gone");
      const next = await provider.create(sandbox.key);
      expect(await next.stat("file")).toBeNull();
    },

    "removes a stopped sandbox": async ({ createSandbox, provider }) => {
      const sandbox = await createSandbox();
      await sandbox.stop();
      expect(await provider.remove(sandbox.key)).toBe(true);
      expect(await provider.find(sandbox.key)).toBeNull();
    },

    "tells that there was none to remove": async ({ provider, newKey, createSandbox }) => {
      expect(await provider.remove(newKey())).toBe(false);
      const sandbox = await createSandbox();
      await sandbox.destroy();
      expect(await provider.remove(sandbox.key)).toBe(false);
    },

    "takes a key as long as the bound": async ({ provider, newKey }) => {
      const base = newKey();
      const key = newKey("k".repeat(512 - base.length));
      expect(key).toHaveLength(512);
      await provider.create(key);
      expect((await provider.find(key))?.key).toBe(key);
    },

    "refuses a key that is none": async ({ provider, rejects }) => {
      for (const key of ["", "a\0b", "k".repeat(513), "é".repeat(257)]) {
        await rejects(provider.create(key), "invalid-argument");
      }
    },

    "can be disposed twice, and ends what it waits for": async ({ createSubject, newKey }) => {
      await using subject = await createSubject();
      const { provider } = subject;
      const sandbox = await provider.create(newKey());
      const process = await sandbox.spawn("sleep 60");
      await Promise.all([provider[Symbol.asyncDispose](), provider[Symbol.asyncDispose]()]);
      await provider[Symbol.asyncDispose]();
      expect((await process.result).outcome).toBe("lost");
    },
  },
};

export const secondProviderBehaviours: BehaviourGroup = {
  name: "second provider",
  requires: "secondProvider",
  behaviours: {
    "finds what the first one made": async ({ subject, createSandbox }) => {
      const sandbox = await createSandbox();
      await sandbox.write("file", "shared");
      await using second = await subject.secondProvider!();
      const found = await second.find(sandbox.key);
      expect(found).toMatchObject({ key: sandbox.key, id: sandbox.id });
      expect((await second.list()).map(({ key }) => key)).toContain(sandbox.key);
    },

    "refuses to create what the first one made": async ({ subject, createSandbox, rejects }) => {
      const sandbox = await createSandbox();
      await using second = await subject.secondProvider!();
      await rejects(second.create(sandbox.key), "already-exists");
    },

    "makes one sandbox together with the first": async ({ subject, provider, newKey }) => {
      await using second = await subject.secondProvider!();
      const key = newKey();
      const outcomes = await settledCodes(
        [1, 2, 3, 4].flatMap(() => [provider.create(key), second.create(key)]),
      );
      expect(outcomes.toSorted()).toEqual([...Array(7).fill("already-exists"), "fulfilled"]);
    },

    "has the files after the first one was disposed": async ({ createSubject, newKey }) => {
      await using subject = await createSubject();
      const key = newKey();
      const sandbox = await subject.provider.create(key);
      await sandbox.write("file", "kept");
      await subject.provider[Symbol.asyncDispose]();
      await using second = await subject.secondProvider!();
      const found = await second.find(key);
      await found?.resume();
      expect(Buffer.from((await found!.read("file"))!).toString()).toBe("kept");
    },
  },
};
