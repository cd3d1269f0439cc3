import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { expectWholeContents } from "./races.ts";

export const editSafetyBehaviours: BehaviourGroup = {
  name: "edit safely",
  behaviours: {
    "edits where the hash is the file's": async ({ sandbox, path, text }) => {
      const { hash } = await sandbox.write(path("file"), "one");
      const edited = await sandbox.edit(path("file"), "one", "two", { ifHash: hash });
      await sandbox.edit(path("file"), "two", "three", { ifHash: edited.hash });
      expect(await text("file")).toBe("three");
    },

    "refuses where the file has changed": async ({ sandbox, path, rejects, run, text }) => {
      const { hash } = await sandbox.write(path("file"), "one");
      await run("printf 'one more' > file");
      await rejects(sandbox.edit(path("file"), "one", "two", { ifHash: hash }), "conflict");
      expect(await text("file")).toBe("one more");
    },

    "never shows half a file to a reader": async ({ sandbox, path }) => {
      const contents = ["start", "ready"].map((word) => `${word}${"-".repeat(300_000)}${word}`);
      let current = 0;
      await expectWholeContents(sandbox, path("file"), contents, async () => {
        const [from, to] = current === 0 ? ["start", "ready"] : ["ready", "start"];
        current = 1 - current;
        await sandbox.edit(path("file"), from!, to!, { replaceAll: true });
      });
    },

    "loses none of several edits at the same time": async ({ sandbox, path, text }) => {
      const words = Array.from({ length: 8 }, (_, index) => `<${index}>`);
      await sandbox.write(path("file"), words.join(" "));
      await Promise.all(
        words.map((word) => sandbox.edit(path("file"), word, word.replace("<", "<edited "))),
      );
      expect(await text("file")).toBe(words.map((w) => w.replace("<", "<edited ")).join(" "));
    },

    "leaves no temporary file": async ({ sandbox, directory, path, rejects }) => {
      await sandbox.write(path("file"), "one");
      await sandbox.edit(path("file"), "one", "two two");
      await rejects(sandbox.edit(path("file"), "two", "x"), "ambiguous-match");
      await rejects(sandbox.edit(path("file"), "one", "x"), "no-match");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual(["file"]);
    },
  },
};
