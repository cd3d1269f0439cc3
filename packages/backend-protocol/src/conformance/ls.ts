import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";

export const lsBehaviours: BehaviourGroup = {
  name: "ls",
  behaviours: {
    "lists files and directories": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file.txt"), "abc");
      await sandbox.mkdir(path("folder"));
      const entries = await sandbox.ls(directory);
      expect(entries.map(({ name, type }) => [name, type])).toEqual([
        ["file.txt", "file"],
        ["folder", "directory"],
      ]);
    },

    "tells of each entry what stat tells": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file.txt"), "abc", { mode: 0o600 });
      await sandbox.mkdir(path("folder"));
      expect(await sandbox.ls(directory)).toEqual([
        await sandbox.stat(path("file.txt")),
        await sandbox.stat(path("folder")),
      ]);
    },

    "gives an empty list for an empty directory": async ({ sandbox, directory }) => {
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "lists hidden entries": async ({ sandbox, directory, path }) => {
      await sandbox.write(path(".env"), "x");
      await sandbox.mkdir(path(".git"));
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual([".env", ".git"]);
    },

    "does not enter directories": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("outer/inner/file"), "x");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual(["outer"]);
    },

    "sorts by the bytes of the names": async ({ sandbox, directory, path }) => {
      // In UTF-16 the emoji (D83D…) would come before the full-width tilde (FF5E).
      const names = ["\u{1f600}", "\uff5e", "é", "a", "B", "a-b", "a.b", "10", "9", "_"];
      for (const name of names) await sandbox.write(path(name), "x");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual([
        "10",
        "9",
        "B",
        "_",
        "a",
        "a-b",
        "a.b",
        "é",
        "\uff5e",
        "\u{1f600}",
      ]);
    },

    "lists a thousand entries": async ({ sandbox, directory, run }) => {
      await run('for n in $(seq 1000 1999); do : > "file-$n"; done');
      const entries = await sandbox.ls(directory);
      expect(entries.map(({ name }) => name)).toEqual(
        Array.from({ length: 1000 }, (_, index) => `file-${1000 + index}`),
      );
    },

    "lists workDir as a dot": async ({ sandbox, directory }) => {
      const paths = (await sandbox.ls(".")).map((entry) => entry.path);
      expect(paths).toContain(directory);
    },

    "lists the root": async ({ sandbox }) => {
      const top = sandbox.workDir.split("/")[1];
      expect((await sandbox.ls("/")).map(({ path }) => path)).toContain(`/${top}`);
    },

    "fails where nothing is": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.ls(path("absent")), "not-found");
    },

    "fails on a file": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.ls(path("file")), "not-directory");
    },
  },
};
