import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";

export const removeBehaviours: BehaviourGroup = {
  name: "remove",
  behaviours: {
    "removes a file": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      expect(await sandbox.remove(path("file"))).toBe(true);
      expect(await sandbox.stat(path("file"))).toBeNull();
    },

    "tells that nothing was there": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      expect(await sandbox.remove(path("absent"))).toBe(false);
      expect(await sandbox.remove(path("absent/child"))).toBe(false);
      expect(await sandbox.remove(path("file/child"))).toBe(false);
      expect(await sandbox.remove(path("absent"), { recursive: true })).toBe(false);
    },

    "removes an empty directory": async ({ sandbox, path }) => {
      await sandbox.mkdir(path("folder"));
      expect(await sandbox.remove(path("folder"))).toBe(true);
      expect(await sandbox.stat(path("folder"))).toBeNull();
    },

    "keeps a directory that is not empty": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("folder/.hidden"), "x");
      await rejects(sandbox.remove(path("folder")), "is-directory");
      expect(await text("folder/.hidden")).toBe("x");
    },

    "removes a directory with all in it": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("folder/a/b/file"), "x");
      await sandbox.write(path("folder/.hidden"), "x");
      await sandbox.mkdir(path("folder/empty"));
      expect(await sandbox.remove(path("folder"), { recursive: true })).toBe(true);
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "removes a file also where recursive is asked for": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file"), "x");
      expect(await sandbox.remove(path("file"), { recursive: true })).toBe(true);
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "removes a directory tree that is deep": async ({ sandbox, directory, path }) => {
      await sandbox.write(path(`${"d/".repeat(300)}file`), "x");
      expect(await sandbox.remove(path("d"), { recursive: true })).toBe(true);
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "removes a file that may not be written": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x", { mode: 0o444 });
      expect(await sandbox.remove(path("file"))).toBe(true);
    },

    "refuses to remove the root and workDir": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "x");
      for (const target of ["/", "/..", sandbox.workDir, ".", "a/..", `${sandbox.workDir}//`]) {
        await rejects(sandbox.remove(target, { recursive: true }), "invalid-path");
      }
      expect(await text("file")).toBe("x");
    },

    "removes a file once where several try": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      const removed = await Promise.all([1, 2, 3, 4].map(() => sandbox.remove(path("file"))));
      expect(removed.filter(Boolean)).toHaveLength(1);
    },
  },
};
