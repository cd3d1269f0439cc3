import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { settledCodes } from "./races.ts";

export const moveBehaviours: BehaviourGroup = {
  name: "move",
  behaviours: {
    "renames a file": async ({ sandbox, directory, path, text }) => {
      await sandbox.write(path("from"), "content");
      await sandbox.move(path("from"), path("to"));
      expect(await text("to")).toBe("content");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual(["to"]);
    },

    "keeps the mode": async ({ sandbox, path }) => {
      await sandbox.write(path("from"), "x", { mode: 0o755 });
      await sandbox.move(path("from"), path("to"));
      expect((await sandbox.stat(path("to")))?.mode).toBe(0o755);
    },

    "renames a directory with all in it": async ({ sandbox, path, text }) => {
      await sandbox.write(path("from/a/file"), "x");
      await sandbox.write(path("from/.hidden"), "y");
      await sandbox.move(path("from"), path("to"));
      expect(await text("to/a/file")).toBe("x");
      expect(await text("to/.hidden")).toBe("y");
      expect(await sandbox.stat(path("from"))).toBeNull();
    },

    "makes missing parents of the target": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "x");
      await sandbox.move(path("file"), path("a/b/file"));
      expect(await text("a/b/file")).toBe("x");
    },

    "takes relative paths": async ({ sandbox, directory, path, text }) => {
      const relative = directory.slice(sandbox.workDir.length).replace(/^\//, "");
      await sandbox.write(path("from"), "x");
      await sandbox.move(`${relative}/from`, `${relative}/./to`);
      expect(await text("to")).toBe("x");
    },

    "fails where nothing is": async ({ sandbox, directory, path, rejects }) => {
      await rejects(sandbox.move(path("absent"), path("to")), "not-found");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual([]);
    },

    "keeps a file at the target": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("from"), "new");
      await sandbox.write(path("to"), "old");
      await rejects(sandbox.move(path("from"), path("to")), "already-exists");
      expect(await text("from")).toBe("new");
      expect(await text("to")).toBe("old");
    },

    "replaces a file at the target where that is asked for": async ({ sandbox, path, text }) => {
      await sandbox.write(path("from"), "new");
      await sandbox.write(path("to"), "old");
      await sandbox.move(path("from"), path("to"), { overwrite: true });
      expect(await text("to")).toBe("new");
      expect(await sandbox.stat(path("from"))).toBeNull();
    },

    "keeps a directory at the target": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("from"), "x");
      await sandbox.write(path("to/file"), "y");
      await rejects(sandbox.move(path("from"), path("to")), "is-directory");
      await rejects(sandbox.move(path("from"), path("to"), { overwrite: true }), "is-directory");
      expect(await text("from")).toBe("x");
      expect(await text("to/file")).toBe("y");
    },

    "refuses to move a directory into itself": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("folder/file"), "x");
      await rejects(sandbox.move(path("folder"), path("folder/inner")), "invalid-path");
      await rejects(sandbox.move(path("folder"), path("folder/a/b")), "invalid-path");
      expect(await text("folder/file")).toBe("x");
      expect(await sandbox.ls(path("folder"))).toHaveLength(1);
    },

    "tells a directory from one whose name begins like it": async ({ sandbox, path, text }) => {
      await sandbox.write(path("folder/file"), "x");
      await sandbox.move(path("folder"), path("folder-2/inner"));
      expect(await text("folder-2/inner/file")).toBe("x");
    },

    "lets one of several files take a free name": async ({ sandbox, path }) => {
      const names = ["a", "b", "c", "d"];
      for (const name of names) await sandbox.write(path(name), name);
      const outcomes = await settledCodes(
        names.map((name) => sandbox.move(path(name), path("target"))),
      );
      expect(outcomes.toSorted()).toEqual([...Array(3).fill("already-exists"), "fulfilled"]);
    },
  },
};
