import { expect } from "vitest";
import { MAX_NAME_BYTES, MAX_PATH_BYTES } from "../limits.ts";
import type { Sandbox } from "../sandbox.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import type { TestBench } from "./test-bench.ts";

/** Every method that takes a path, called with one. */
function callsWith(sandbox: Sandbox, path: string): Record<string, () => Promise<unknown>> {
  return {
    stat: () => sandbox.stat(path),
    ls: () => sandbox.ls(path),
    read: () => sandbox.read(path),
    readLines: () => sandbox.readLines(path),
    write: () => sandbox.write(path, "x"),
    edit: () => sandbox.edit(path, "a", "b"),
    remove: () => sandbox.remove(path),
    moveFrom: () => sandbox.move(path, "to"),
    mkdir: () => sandbox.mkdir(path),
    glob: () => sandbox.glob("*", { path }),
    grep: () => sandbox.grep("x", { path }),
    readStream: () => sandbox.readStream(path),
    archive: () => sandbox.archive(path),
    execute: () => sandbox.execute("true", { cwd: path }),
  };
}

async function expectInvalid({ sandbox, rejects }: TestBench, path: string): Promise<void> {
  for (const [method, call] of Object.entries(callsWith(sandbox, path))) {
    const error = await rejects(call(), "invalid-path");
    expect(error.message.length, `length of the message of ${method}`).toBeLessThan(2000);
  }
}

export const pathBehaviours: BehaviourGroup = {
  name: "paths",
  behaviours: {
    "are refused with a NUL": async (bench) => {
      await expectInvalid(bench, bench.path("a\0b"));
      await bench.sandbox.write(bench.path("file"), "x");
      await bench.rejects(bench.sandbox.move(bench.path("file"), "a\0b"), "invalid-path");
      expect((await bench.sandbox.ls(bench.directory)).map(({ name }) => name)).toEqual(["file"]);
    },

    "are refused with half a character": async (bench) => {
      await expectInvalid(bench, bench.path("a\ud83d"));
      await expectInvalid(bench, bench.path("\ude00b/file"));
    },

    "are refused with a name that is too long": async (bench) => {
      await expectInvalid(bench, bench.path("n".repeat(MAX_NAME_BYTES + 1)));
      await expectInvalid(bench, bench.path(`${"é".repeat(128)}/file`));
    },

    "are refused where they are too long": async (bench) => {
      await expectInvalid(bench, bench.path("d/".repeat(MAX_PATH_BYTES / 2)));
    },

    "begin in workDir where they are relative": async ({ sandbox, directory, text }) => {
      const relative = directory.slice(sandbox.workDir.length).replace(/^\//, "");
      await sandbox.write(`${relative}/file`, "x");
      expect(await text("file")).toBe("x");
      expect((await sandbox.stat(`${relative}/file`))?.path).toBe(`${directory}/file`);
    },

    "mean workDir where they are empty or a dot": async ({ sandbox }) => {
      for (const path of ["", ".", "./", "x/.."]) {
        expect((await sandbox.stat(path))?.path).toBe(sandbox.workDir);
      }
    },

    "are normalised before anything is opened": async ({ sandbox, directory, path, text }) => {
      await sandbox.write(path("folder/file"), "x");
      for (const variant of [
        `${directory}//folder///file`,
        `${directory}/./folder/./file`,
        `${directory}/folder/../folder/file`,
        `${directory}/absent/../folder/file`,
        `${directory}/folder/file/`,
      ]) {
        expect((await sandbox.stat(variant))?.path).toBe(path("folder/file"));
      }
      await sandbox.write(path("absent/.././other"), "y");
      expect(await text("other")).toBe("y");
      expect(await sandbox.stat(path("absent"))).toBeNull();
    },

    "have one spelling though bytes can be escaped": async ({ sandbox, path, text }) => {
      expect((await sandbox.write(path("\udcc3\udca9"), "x")).path).toBe(path("\u00e9"));
      expect(await text("\u00e9")).toBe("x");
    },

    "stay in the root": async ({ sandbox, path }) => {
      expect(await sandbox.stat("/../../..")).toMatchObject({ path: "/" });
      await sandbox.write(path("file"), "x");
      expect((await sandbox.stat(`/../..${path("file")}`))?.path).toBe(path("file"));
      const upwards = `${"../".repeat(50)}${path("file").slice(1)}`;
      expect((await sandbox.stat(upwards))?.path).toBe(path("file"));
    },

    "give a tilde, a variable and a wildcard no meaning": async ({ sandbox, path, text }) => {
      for (const name of ["~", "~root", "$HOME", "${HOME}", "*", "{a,b}"]) {
        await sandbox.write(path(`${name}/file`), name);
        expect(await text(`${name}/file`)).toBe(name);
        await sandbox.remove(path(name), { recursive: true });
        expect(await sandbox.stat(path(name))).toBeNull();
      }
      expect(await sandbox.stat("~")).toBeNull();
    },

    "may have dots that lead nowhere": async ({ sandbox, path, text }) => {
      for (const name of ["...", "..a", "a..", "a..b", ". ", ".. "]) {
        await sandbox.write(path(`${name}/file`), name);
        expect(await text(`${name}/file`)).toBe(name);
      }
    },

    "may be long": async ({ sandbox, path, text }) => {
      const long = ["d", "e", "f", "g"].map((letter) => letter.repeat(MAX_NAME_BYTES)).join("/");
      await sandbox.write(path(`${long}/file`), "x");
      expect(await text(`${long}/file`)).toBe("x");
    },

    "may be as long as the bound": async ({ sandbox, path, text }) => {
      const room = MAX_PATH_BYTES - path("").length;
      const name = `${`${"d".repeat(199)}/`.repeat(Math.floor((room - 1) / 200))}`;
      const longest = name + "f".repeat(room - name.length);
      expect(path(longest)).toHaveLength(MAX_PATH_BYTES);
      await sandbox.write(path(longest), "x");
      expect(await text(longest)).toBe("x");
      await sandbox.edit(path(longest), "x", "y");
      expect(await text(longest)).toBe("y");
    },
  },
};
