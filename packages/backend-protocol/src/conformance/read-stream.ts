import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { ALL_BYTES, MEBIBYTE, collectStream, expectBytes, noise } from "./bytes.ts";

export const readStreamBehaviours: BehaviourGroup = {
  name: "readStream",
  behaviours: {
    "gives every byte as it is": async ({ sandbox, path }) => {
      await sandbox.write(path("binary"), ALL_BYTES);
      expectBytes(await collectStream(await sandbox.readStream(path("binary"))), ALL_BYTES);
    },

    "gives an empty file": async ({ sandbox, path }) => {
      await sandbox.write(path("empty"), "");
      expectBytes(await collectStream(await sandbox.readStream(path("empty"))), new Uint8Array());
    },

    "gives a file of tens of megabytes": async ({ sandbox, path }) => {
      const content = noise(40 * MEBIBYTE);
      await sandbox.write(path("huge"), content);
      expectBytes(await collectStream(await sandbox.readStream(path("huge"))), content);
    },

    "gives several files at the same time": async ({ sandbox, path }) => {
      const contents = [1, 2, 3, 4].map((size) => noise(size * 300_000));
      await Promise.all(contents.map((content, n) => sandbox.write(path(`f${n}`), content)));
      const read = await Promise.all(
        contents.map(async (_, n) => collectStream(await sandbox.readStream(path(`f${n}`)))),
      );
      contents.forEach((content, n) => expectBytes(read[n] ?? null, content));
    },

    "holds up nothing else while nobody reads it": async ({ sandbox, path, run, text }) => {
      const content = noise(20 * MEBIBYTE);
      await sandbox.write(path("huge"), content);
      const stream = await sandbox.readStream(path("huge"));
      await sandbox.write(path("small"), "x");
      expect(await text("small")).toBe("x");
      expect((await run("echo hi")).stdout).toBe("hi\n");
      expectBytes(await collectStream(stream), content);
    },

    "can be cancelled": async ({ sandbox, path, text }) => {
      await sandbox.write(path("huge"), new Uint8Array(20 * MEBIBYTE));
      const reader = (await sandbox.readStream(path("huge"))).getReader();
      expect((await reader.read()).value?.length).toBeGreaterThan(0);
      await reader.cancel();
      await sandbox.write(path("huge"), "replaced");
      expect(await text("huge")).toBe("replaced");
    },

    "ends where its signal fires": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("huge"), new Uint8Array(40 * MEBIBYTE));
      const abort = new AbortController();
      const stream = await sandbox.readStream(path("huge"), { signal: abort.signal });
      const reader = stream.getReader();
      await reader.read();
      abort.abort();
      reader.releaseLock();
      await rejects(collectStream(stream), "aborted");
    },

    "fails where nothing is": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.readStream(path("absent")), "not-found");
    },

    "fails on a directory": async ({ sandbox, directory, rejects }) => {
      await rejects(sandbox.readStream(directory), "is-directory");
    },
  },
};
