import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { failingStream, sha256, stalledStream } from "./bytes.ts";
import { expectWholeContents, settledCodes } from "./races.ts";

const HALF = new TextEncoder().encode("half of a fi");

export const writeSafetyBehaviours: BehaviourGroup = {
  name: "write safely",
  behaviours: {
    "writes where the hash is the file's": async ({ sandbox, path, text }) => {
      const { hash } = await sandbox.write(path("file"), "one");
      await sandbox.write(path("file"), "two", { ifHash: hash });
      expect(await text("file")).toBe("two");
    },

    "refuses where the file has changed": async ({ sandbox, path, rejects, run, text }) => {
      const { hash } = await sandbox.write(path("file"), "one");
      await run("printf changed > file");
      await rejects(sandbox.write(path("file"), "two", { ifHash: hash }), "conflict");
      expect(await text("file")).toBe("changed");
    },

    "refuses a hash where nothing is": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.write(path("file"), "x", { ifHash: sha256("") }), "conflict");
      expect(await sandbox.stat(path("file"))).toBeNull();
    },

    "writes a new file where none is asked for": async ({ sandbox, path, text }) => {
      await sandbox.write(path("a/file"), "x", { ifHash: null });
      expect(await text("a/file")).toBe("x");
    },

    "refuses to replace where none is asked for": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "");
      await rejects(sandbox.write(path("file"), "x", { ifHash: null }), "conflict");
      expect(await text("file")).toBe("");
    },

    "lets one of several writers create a file": async ({ sandbox, path, text }) => {
      const contents = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
      const outcomes = await settledCodes(
        contents.map((content) => sandbox.write(path("file"), content, { ifHash: null })),
      );
      const winner = outcomes.indexOf("fulfilled");
      expect(outcomes.toSorted()).toEqual([...Array(7).fill("conflict"), "fulfilled"]);
      expect(await text("file")).toBe(contents[winner]);
    },

    "lets one of several writers replace the same content": async ({ sandbox, path }) => {
      const { hash } = await sandbox.write(path("file"), "base");
      const outcomes = await settledCodes(
        [1, 2, 3, 4].map((n) => sandbox.write(path("file"), `next ${n}`, { ifHash: hash })),
      );
      expect(outcomes.toSorted()).toEqual(["conflict", "conflict", "conflict", "fulfilled"]);
    },

    "never shows half a file to a reader": async ({ sandbox, path }) => {
      const contents = ["a", "b"].map((letter) => letter.repeat(300_000));
      await expectWholeContents(sandbox, path("file"), contents, (content) =>
        sandbox.write(path("file"), content),
      );
    },

    "never shows half a file to a command": async ({ sandbox, path, run }) => {
      await sandbox.write(path("file"), "a".repeat(300_000));
      const reading = run("for n in 1 2 3 4 5 6 7 8 9 10; do wc -c < file; done");
      for (let round = 0; round < 10; round++) {
        await sandbox.write(path("file"), (round % 2 ? "a" : "b").repeat(300_000));
      }
      const sizes = (await reading).stdout.trim().split(/\s+/);
      expect(sizes).toEqual(Array(10).fill("300000"));
    },

    "leaves one content whole where many write": async ({ sandbox, directory, path, text }) => {
      const contents = ["a", "b", "c", "d", "e", "f"].map((letter) => letter.repeat(200_000));
      await Promise.all(contents.map((content) => sandbox.write(path("file"), content)));
      expect(contents).toContain(await text("file"));
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual(["file"]);
    },

    "leaves the old file where the stream fails": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "old");
      await expect(sandbox.write(path("file"), failingStream(HALF))).rejects.toThrow();
      expect(await text("file")).toBe("old");
    },

    "leaves nothing where the stream of a new file fails": async ({ sandbox, directory, path }) => {
      await expect(sandbox.write(path("file"), failingStream(HALF))).rejects.toThrow();
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "leaves nothing where it is aborted": async ({ sandbox, directory, path, rejects }) => {
      const abort = new AbortController();
      const writing = sandbox.write(path("file"), stalledStream(HALF), { signal: abort.signal });
      setTimeout(() => abort.abort(), 100);
      await rejects(writing, "aborted");
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "leaves no temporary file": async ({ sandbox, directory, path, rejects }) => {
      const { hash } = await sandbox.write(path("file"), "one");
      await sandbox.write(path("file"), "two", { ifHash: hash });
      await rejects(sandbox.write(path("file"), "three", { ifHash: hash }), "conflict");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual(["file"]);
    },
  },
};
