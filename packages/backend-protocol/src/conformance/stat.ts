import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

export const statBehaviours: BehaviourGroup = {
  name: "stat",
  behaviours: {
    "tells all of a file": async ({ sandbox, path }) => {
      await sandbox.write(path("notes.txt"), "five!", { mode: 0o640 });
      expect(await sandbox.stat(path("notes.txt"))).toEqual({
        path: path("notes.txt"),
        name: "notes.txt",
        type: "file",
        sizeBytes: 5,
        mode: 0o640,
        modifiedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      });
    },

    "tells a directory from a file": async ({ sandbox, path }) => {
      await sandbox.mkdir(path("folder"));
      const info = await sandbox.stat(path("folder"));
      expect(info).toMatchObject({ path: path("folder"), name: "folder", type: "directory" });
      expect(Number.isInteger(info?.mode)).toBe(true);
    },

    "gives null where nothing is": async ({ sandbox, path }) => {
      expect(await sandbox.stat(path("absent"))).toBeNull();
    },

    "gives null where a parent is missing": async ({ sandbox, path }) => {
      expect(await sandbox.stat(path("absent/also/absent"))).toBeNull();
    },

    "gives null where a parent is a file": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      expect(await sandbox.stat(path("file/child"))).toBeNull();
    },

    "knows the root": async ({ sandbox }) => {
      expect(await sandbox.stat("/")).toMatchObject({ path: "/", name: "/", type: "directory" });
    },

    "knows workDir": async ({ sandbox }) => {
      expect(await sandbox.stat(sandbox.workDir)).toMatchObject({
        path: sandbox.workDir,
        type: "directory",
      });
    },

    "gives the time of the last change": async ({ sandbox, path, run }) => {
      await sandbox.write(path("file"), "x");
      const written = Date.parse((await sandbox.stat(path("file")))!.modifiedAt);
      expect(Math.abs(written - Date.now())).toBeLessThan(DAY_MS);
      await run("touch -d 2001-02-03T04:05:06Z file");
      expect(Date.parse((await sandbox.stat(path("file")))!.modifiedAt)).toBe(
        Date.UTC(2001, 1, 3, 4, 5, 6),
      );
    },

    "sees a mode that a command set": async ({ sandbox, path, run }) => {
      await sandbox.write(path("script"), "#!/bin/sh\n");
      await run("chmod 750 script");
      expect((await sandbox.stat(path("script")))?.mode).toBe(0o750);
    },

    "sees a file that a command made": async ({ sandbox, path, run }) => {
      await run("printf 1234567 > made");
      expect(await sandbox.stat(path("made"))).toMatchObject({ type: "file", sizeBytes: 7 });
    },

    "counts the bytes of a large file": async ({ sandbox, path }) => {
      await sandbox.write(path("large"), new Uint8Array(20_000_000));
      expect((await sandbox.stat(path("large")))?.sizeBytes).toBe(20_000_000);
    },

    "gives a path that can be passed back": async ({ sandbox, directory }) => {
      await sandbox.write(`${directory}/a b/c'd`, "x");
      const info = await sandbox.stat(`${directory}//./a b/../a b/c'd`);
      expect(info?.path).toBe(`${directory}/a b/c'd`);
      expect(await sandbox.stat(info!.path)).toEqual(info);
    },
  },
};
