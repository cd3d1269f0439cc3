import { expect } from "vitest";
import type { GrepOptions } from "../files.ts";
import { MAX_LINE_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { MEBIBYTE } from "./bytes.ts";
import type { TestBench } from "./test-bench.ts";

async function found(
  { sandbox, directory }: TestBench,
  pattern: string,
  options?: GrepOptions,
): Promise<string[]> {
  const { matches } = await sandbox.grep(pattern, { path: directory, ...options });
  return matches.map(
    ({ path, line, text }) => `${path.slice(directory.length + 1)}|${line}|${text}`,
  );
}

export const grepBehaviours: BehaviourGroup = {
  name: "grep",
  behaviours: {
    "tells path, line and text of each match": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file.txt"), "one\nneedle here\nthree\nneedle\n");
      expect(await sandbox.grep("needle", { path: directory })).toEqual({
        matches: [
          { path: path("file.txt"), line: 2, text: "needle here" },
          { path: path("file.txt"), line: 4, text: "needle" },
        ],
        truncated: false,
      });
    },

    "finds nothing where nothing matches": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file.txt"), "one\n");
      await sandbox.write(path("empty.txt"), "");
      expect(await sandbox.grep("needle", { path: directory })).toEqual({
        matches: [],
        truncated: false,
      });
    },

    "gives a line once though it matches twice": async (bench) => {
      await bench.sandbox.write(bench.path("f"), "a a a\n");
      expect(await found(bench, "a")).toEqual(["f|1|a a a"]);
    },

    "searches all directories, sorted by path and line": async (bench) => {
      for (const name of ["b", "a/z", "a-b", "a/b/c", "é", "B"]) {
        await bench.sandbox.write(bench.path(name), "x\ny\nx\n");
      }
      expect(await found(bench, "x")).toEqual(
        ["B", "a-b", "a/b/c", "a/z", "b", "é"].flatMap((name) => [`${name}|1|x`, `${name}|3|x`]),
      );
    },

    "finds a last line without a line break": async (bench) => {
      await bench.sandbox.write(bench.path("f"), "one\nlast");
      expect(await found(bench, "last$")).toEqual(["f|2|last"]);
    },

    "searches a single file": async (bench) => {
      const { sandbox, path } = bench;
      await sandbox.write(path("f"), "x\n");
      await sandbox.write(path("g"), "x\n");
      expect(await found(bench, "x", { path: path("f") })).toEqual(["f|1|x"]);
    },

    "searches workDir and relative paths": async ({ sandbox, directory, path }) => {
      const word = directory.slice(-12);
      await sandbox.write(path("f"), `${word}\n`);
      const expected = [{ path: path("f"), line: 1, text: word }];
      const relative = directory.slice(sandbox.workDir.length).replace(/^\//, "");
      expect((await sandbox.grep(word, { path: relative })).matches).toEqual(expected);
      expect((await sandbox.grep(word)).matches).toEqual(expected);
    },

    "passes over hidden files and directories": async (bench) => {
      const { sandbox, path } = bench;
      for (const name of [".env", ".git/config", "a/.b/c", "seen"]) {
        await sandbox.write(path(name), "x\n");
      }
      expect(await found(bench, "x")).toEqual(["seen|1|x"]);
    },

    "searches hidden ones where that is asked for": async (bench) => {
      const { sandbox, path } = bench;
      for (const name of [".env", ".git/config", "seen"]) await sandbox.write(path(name), "x\n");
      expect(await found(bench, "x", { hidden: true })).toEqual([
        ".env|1|x",
        ".git/config|1|x",
        "seen|1|x",
      ]);
    },

    "searches a hidden file or directory that is named": async (bench) => {
      const { sandbox, path } = bench;
      await sandbox.write(path(".env"), "x\n");
      await sandbox.write(path(".git/config"), "x\n");
      expect(await found(bench, "x", { path: path(".env") })).toEqual([".env|1|x"]);
      expect(await found(bench, "x", { path: path(".git") })).toEqual([".git/config|1|x"]);
    },

    "passes over binary files": async (bench) => {
      const { sandbox, path } = bench;
      await sandbox.write(path("binary"), "needle\n\0\nneedle\n");
      await sandbox.write(path("late-nul"), `needle\n${"a\n".repeat(8192)}\0\n`);
      expect(await found(bench, "needle")).toEqual(["late-nul|1|needle"]);
    },

    "searches files that are no UTF-8": async (bench) => {
      const latin1 = Buffer.concat([
        Buffer.from("caf"),
        Buffer.of(0xe9),
        Buffer.from(" needle\nneedle\n"),
      ]);
      await bench.sandbox.write(bench.path("f"), latin1);
      expect(await found(bench, "needle")).toEqual(["f|1|caf\ufffd needle", "f|2|needle"]);
    },

    "finds the lines of a file with carriage returns": async (bench) => {
      await bench.sandbox.write(bench.path("f"), "one\r\nneedle\r\nthree\r\n");
      const lines = (await found(bench, "needle")).map((line) => line.trimEnd());
      expect(lines).toEqual(["f|2|needle"]);
    },

    "searches only files that the glob matches by name": async (bench) => {
      for (const name of ["a.ts", "b.js", "deep/c.ts"]) {
        await bench.sandbox.write(bench.path(name), "x\n");
      }
      expect(await found(bench, "x", { glob: "*.ts" })).toEqual(["a.ts|1|x", "deep/c.ts|1|x"]);
      expect(await found(bench, "x", { glob: "{a,b}.*" })).toEqual(["a.ts|1|x", "b.js|1|x"]);
    },

    "searches only files that the glob matches by path": async (bench) => {
      for (const name of ["c.ts", "src/c.ts", "src/deep/c.ts", "test/c.ts"]) {
        await bench.sandbox.write(bench.path(name), "x\n");
      }
      expect(await found(bench, "x", { glob: "src/*.ts" })).toEqual(["src/c.ts|1|x"]);
      expect(await found(bench, "x", { glob: "src/**/*.ts" })).toEqual([
        "src/c.ts|1|x",
        "src/deep/c.ts|1|x",
      ]);
    },

    "ends at the limit and says so": async (bench) => {
      const { sandbox, directory, path } = bench;
      await sandbox.write(path("a"), "x\n".repeat(3));
      await sandbox.write(path("b"), "x\n".repeat(2));
      const cut = await sandbox.grep("x", { path: directory, limit: 4 });
      expect(cut.matches).toHaveLength(4);
      expect(cut.truncated).toBe(true);
      const whole = await sandbox.grep("x", { path: directory, limit: 5 });
      expect(whole.matches).toHaveLength(5);
      expect(whole.truncated).toBe(false);
    },

    "finds files whose names look like its own output": async (bench) => {
      const names = ["-rf", "a\nb:2:y", "a b", "a:1:x"];
      for (const name of names) await bench.sandbox.write(bench.path(name), "no\nneedle:3:z\n");
      expect(await found(bench, "needle")).toEqual(names.map((name) => `${name}|2|needle:3:z`));
    },

    "cuts a huge line around the match": async ({ sandbox, directory, path }) => {
      const side = "y".repeat(3 * MEBIBYTE);
      await sandbox.write(path("f"), `first\n${side}needle${side}\nneedle\n`);
      const { matches } = await sandbox.grep("needle", { path: directory });
      expect(matches.map(({ line }) => line)).toEqual([2, 3]);
      expect(matches[0]?.text).toContain("needle");
      expect(Buffer.byteLength(matches[0]!.text)).toBeLessThanOrEqual(MAX_LINE_BYTES);
    },

    "goes on where a file may not be read": async (bench) => {
      const { sandbox, path } = bench;
      await sandbox.write(path("a"), "no\n", { mode: 0o000 });
      await sandbox.write(path("b"), "needle\n");
      expect(await found(bench, "needle")).toEqual(["b|1|needle"]);
    },

    "refuses a limit or timeout that is none": async ({ sandbox, directory, rejects }) => {
      for (const value of [0, -1, 1.5, Number.NaN]) {
        await rejects(sandbox.grep("x", { path: directory, limit: value }), "invalid-argument");
        await rejects(sandbox.grep("x", { path: directory, timeoutMs: value }), "invalid-argument");
      }
    },

    "fails where nothing is": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.grep("x", { path: path("absent") }), "not-found");
    },
  },
};
