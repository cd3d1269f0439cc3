import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";

export const mkdirBehaviours: BehaviourGroup = {
  name: "mkdir",
  behaviours: {
    "makes a directory and its parents": async ({ sandbox, path }) => {
      await sandbox.mkdir(path("a/b/c"));
      for (const name of ["a", "a/b", "a/b/c"]) {
        expect(await sandbox.stat(path(name))).toMatchObject({ type: "directory" });
      }
    },

    "leaves one that is there as it is": async ({ sandbox, directory, path, text }) => {
      await sandbox.write(path("folder/file"), "x");
      await sandbox.mkdir(path("folder"));
      await sandbox.mkdir(directory);
      await sandbox.mkdir(".");
      await sandbox.mkdir("/");
      expect(await text("folder/file")).toBe("x");
    },

    "makes one that commands can write to": async ({ sandbox, path, run, text }) => {
      await sandbox.mkdir(path("folder"));
      await run("echo x > folder/file");
      expect(await text("folder/file")).toBe("x\n");
    },

    "fails where a file is": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.mkdir(path("file")), "already-exists");
      expect(await text("file")).toBe("x");
    },

    "fails where a parent is a file": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.mkdir(path("file/child")), "not-directory");
      await rejects(sandbox.mkdir(path("file/child/deep")), "not-directory");
    },

    "is done once where several try": async ({ sandbox, path }) => {
      await Promise.all([1, 2, 3, 4].map(() => sandbox.mkdir(path("a/b/c"))));
      expect(await sandbox.ls(path("a/b"))).toHaveLength(1);
    },
  },
};
