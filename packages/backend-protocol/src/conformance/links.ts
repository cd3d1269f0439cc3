import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { exposedText } from "./exposure.ts";
import { createHostSecret } from "./host-secret.ts";
import { settledCodes } from "./races.ts";
import { readTar } from "./tar.ts";

/** For sandboxes that have symbolic links: links lead where they say, inside the sandbox only. */
export const linkBehaviours: BehaviourGroup = {
  name: "links",
  behaviours: {
    "are told by stat and ls, and not followed there": async ({
      sandbox,
      directory,
      path,
      run,
    }) => {
      await sandbox.write(path("target"), "content");
      await run("ln -s target link; ln -s absent dangling");
      expect(await sandbox.stat(path("link"))).toMatchObject({ name: "link", type: "symlink" });
      expect((await sandbox.ls(directory)).map(({ name, type }) => [name, type])).toEqual([
        ["dangling", "symlink"],
        ["link", "symlink"],
        ["target", "file"],
      ]);
    },

    "lead to a file": async ({ sandbox, path, run, text }) => {
      await sandbox.write(path("folder/target"), "content\n");
      await run("ln -s folder/target link; ln -s ../link folder/back");
      expect(await text("link")).toBe("content\n");
      expect(await text("folder/back")).toBe("content\n");
      expect((await sandbox.readLines(path("link")))?.lines).toEqual(["content"]);
      expect((await run("cat link")).stdout).toBe("content\n");
    },

    "lead to a directory": async ({ sandbox, path, run, text }) => {
      await sandbox.write(path("folder/file"), "content");
      await run("ln -s folder link");
      expect(await text("link/file")).toBe("content");
      expect((await sandbox.ls(path("link"))).map(({ name }) => name)).toEqual(["file"]);
      await sandbox.write(path("link/other"), "x");
      expect(await text("folder/other")).toBe("x");
    },

    "lead by an absolute path inside the sandbox": async ({ sandbox, path, run, text }) => {
      await sandbox.write(path("target"), "content");
      await run(`ln -s '${path("target")}' link`);
      expect(await text("link")).toBe("content");
      expect((await run("cat link")).stdout).toBe("content");
    },

    "stay links where what they lead to is written or edited": async (bench) => {
      const { sandbox, path, run, text } = bench;
      await sandbox.write(path("target"), "one");
      await run("ln -s target link");
      await sandbox.write(path("link"), "two");
      expect(await text("target")).toBe("two");
      await sandbox.edit(path("link"), "two", "three");
      expect(await text("target")).toBe("three");
      expect((await sandbox.stat(path("link")))?.type).toBe("symlink");
    },

    "are nothing where they dangle": async ({ sandbox, path, run, rejects }) => {
      await run("ln -s absent dangling");
      expect(await sandbox.read(path("dangling"))).toBeNull();
      expect(await sandbox.readLines(path("dangling"))).toBeNull();
      await rejects(sandbox.edit(path("dangling"), "a", "b"), "not-found");
      await rejects(sandbox.ls(path("dangling")), "not-found");
    },

    "that lead in a circle end in an error": async ({ sandbox, path, run }) => {
      await run("ln -s b a; ln -s a b");
      const outcomes = await settledCodes([
        sandbox.ls(path("a")),
        sandbox.readStream(path("a")),
        sandbox.edit(path("a"), "x", "y"),
        sandbox.write(path("a/file"), "x"),
      ]);
      for (const outcome of outcomes) {
        expect(["not-regular", "not-found", "not-directory", "invalid-path"]).toContain(outcome);
      }
      expect((await sandbox.stat(path("a")))?.type).toBe("symlink");
    },

    "are removed, and not what they lead to": async ({ sandbox, path, run, text }) => {
      await sandbox.write(path("folder/file"), "x");
      await run("ln -s folder link; mkdir outer; ln -s ../folder outer/link");
      expect(await sandbox.remove(path("link"))).toBe(true);
      expect(await sandbox.stat(path("link"))).toBeNull();
      expect(await sandbox.remove(path("outer"), { recursive: true })).toBe(true);
      expect(await text("folder/file")).toBe("x");
    },

    "are moved, and not what they lead to": async ({ sandbox, path, run, text }) => {
      await sandbox.write(path("target"), "x");
      await run("ln -s target link");
      await sandbox.move(path("link"), path("moved"));
      expect((await sandbox.stat(path("moved")))?.type).toBe("symlink");
      expect(await text("target")).toBe("x");
      expect(await sandbox.stat(path("link"))).toBeNull();
    },

    "do not change what `..` means": async ({ sandbox, path, run, text }) => {
      await sandbox.write(path("a/b/file"), "wrong");
      await sandbox.write(path("file"), "right");
      await run("mkdir a/b/c; ln -s a/b/c link");
      expect(await text("link/../file")).toBe("right");
    },

    "are found by glob, and not entered": async ({ sandbox, directory, path, run }) => {
      await sandbox.write(path("folder/x.txt"), "x");
      await run("ln -s folder/x.txt y.txt; ln -s folder enter; ln -s . self");
      const { files } = await sandbox.glob("**/*.txt", { path: directory });
      expect(files.map((file) => [file.path, file.type])).toEqual([
        [path("folder/x.txt"), "file"],
        [path("y.txt"), "symlink"],
      ]);
    },

    "to directories are not entered by grep": async ({ sandbox, directory, path, run }) => {
      await sandbox.write(path("folder/file"), "needle\n");
      await run("ln -s . self; ln -s folder link; ln -s .. folder/up");
      const { matches } = await sandbox.grep("needle", { path: directory });
      expect(matches).toEqual([{ path: path("folder/file"), line: 1, text: "needle" }]);
    },

    "are packed as links": async ({ sandbox, path, run }) => {
      await sandbox.write(path("box/target"), "content");
      await run("ln -s target box/link; ln -s /etc/passwd box/absolute");
      const entries = await readTar(await sandbox.archive(path("box")));
      expect(entries.get("box/link")).toMatchObject({ type: "symlink", linkName: "target" });
      expect(entries.get("box/absolute")).toMatchObject({
        type: "symlink",
        linkName: "/etc/passwd",
        content: Buffer.alloc(0),
      });
    },

    "show no file of the host": async ({ sandbox, path, run }) => {
      await using secret = await createHostSecret();
      const climbing = `${"../".repeat(40)}${secret.file.slice(1)}`;
      await run(`ln -s ${secret.file} absolute; ln -s ${climbing} climbing; ln -s / root`);
      await run(`ln -s ${secret.directory} folder; ln -s absolute chain`);
      const names = ["absolute", "climbing", "chain", "folder/secret.txt", `root${secret.file}`];
      for (const name of names) {
        expect(await exposedText(sandbox, path(name))).not.toContain(secret.content);
      }
      expect(await exposedText(sandbox, path(""))).not.toContain(secret.content);
    },

    "change no file of the host": async ({ sandbox, path, run }) => {
      await using secret = await createHostSecret();
      await run(`ln -s ${secret.file} file; ln -s ${secret.directory} folder`);
      await run(`ln -s ${secret.directory}/planted planted`);
      await settledCodes([
        sandbox.write(path("file"), "overwritten"),
        sandbox.edit(path("file"), "host secret", "edited"),
        sandbox.write(path("folder/made"), "x"),
        sandbox.write(path("planted"), "x"),
        sandbox.mkdir(path("folder/directory")),
        sandbox.execute("echo x > file; echo x > folder/command", { cwd: path("") }),
        sandbox.remove(path("folder/secret.txt")),
        sandbox.move(path("folder"), path("moved")),
      ]);
      expect(await secret.isUntouched()).toBe(true);
    },
  },
};
