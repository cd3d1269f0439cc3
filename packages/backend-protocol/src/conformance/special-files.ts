import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { settledCodes } from "./races.ts";
import { readTar } from "./tar.ts";

/** FIFOs and devices: opening one can wait for ever, reading one can have no end. */
export const specialFileBehaviours: BehaviourGroup = {
  name: "special files",
  behaviours: {
    "are told by stat and ls": async ({ sandbox, directory, path, run }) => {
      await run("mkfifo pipe");
      expect((await sandbox.stat(path("pipe")))?.type).toBe("other");
      expect((await sandbox.ls(directory)).map(({ type }) => type)).toEqual(["other"]);
    },

    "are not opened": async ({ sandbox, path, run, rejects }) => {
      await run("mkfifo pipe");
      await rejects(sandbox.read(path("pipe")), "not-regular");
      await rejects(sandbox.readLines(path("pipe")), "not-regular");
      await rejects(sandbox.readStream(path("pipe")), "not-regular");
      await rejects(sandbox.write(path("pipe"), "x"), "not-regular");
      await rejects(sandbox.edit(path("pipe"), "a", "b"), "not-regular");
    },

    "are passed over by grep": async ({ sandbox, directory, path, run }) => {
      await sandbox.write(path("z"), "needle\n");
      await run("mkfifo pipe");
      const { matches } = await sandbox.grep("needle", { path: directory });
      expect(matches.map((match) => match.path)).toEqual([path("z")]);
    },

    "are left out of archives": async ({ sandbox, path, run }) => {
      await sandbox.write(path("box/file"), "x");
      await run("mkfifo box/pipe");
      const entries = await readTar(await sandbox.archive(path("box")));
      expect([...entries.keys()].toSorted()).toEqual(["box", "box/file"]);
    },

    "can be moved and removed": async ({ sandbox, directory, path, run }) => {
      await run("mkfifo pipe");
      await sandbox.move(path("pipe"), path("moved"));
      expect(await sandbox.remove(path("moved"))).toBe(true);
      expect(await sandbox.ls(directory)).toEqual([]);
    },

    "without an end are not read": async ({ sandbox }) => {
      // A sandbox may have no such device: then nothing is there.
      const [read, lines, stream] = await settledCodes([
        sandbox.read("/dev/zero").then((bytes) => expect(bytes).toBeNull()),
        sandbox.readLines("/dev/zero").then((range) => expect(range).toBeNull()),
        sandbox.readStream("/dev/zero").then(() => expect.unreachable("has no end")),
      ]);
      expect(["fulfilled", "not-regular"]).toContain(read);
      expect(["fulfilled", "not-regular"]).toContain(lines);
      expect(["not-found", "not-regular"]).toContain(stream);
    },
  },
};
