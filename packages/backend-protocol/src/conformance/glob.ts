import { expect } from "vitest";
import type { GlobOptions } from "../files.ts";
import { MAX_GLOB_PATTERN_BYTES } from "../limits.ts";
import type { Behaviour, BehaviourGroup } from "./behaviour.ts";
import { settledCodes } from "./races.ts";
import type { TestBench } from "./test-bench.ts";

const TREE = [
  "README.md",
  "a.ts",
  "ab.ts",
  "b.ts",
  "é.ts",
  ".env",
  ".git/config.ts",
  "src/index.ts",
  "src/index.test.ts",
  "src/deep/er/index.ts",
  "src/.cache/index.ts",
  "test/index.ts",
  "app/[...slug].ts",
  "app/(group)/page.tsx",
  "app/s.ts",
  "odd/star*.txt",
  "odd/start.txt",
  "odd/{a,b}.txt",
  "odd/!x.txt",
  "odd/x.txt",
  "odd/back\\slash.txt",
];

async function makeTree({ sandbox, path }: TestBench): Promise<void> {
  await Promise.all(TREE.map((name) => sandbox.write(path(name), name)));
}

async function found(
  { sandbox, directory }: TestBench,
  pattern: string,
  options?: GlobOptions,
): Promise<string[]> {
  const { files } = await sandbox.glob(pattern, { path: directory, ...options });
  return files.map(({ path }) => path.slice(directory.length + 1));
}

/** Pattern and what it finds of the tree, in order. */
const PATTERNS: Readonly<Record<string, [pattern: string, files: string[]]>> = {
  "matches names directly in the directory where the pattern has no slash": [
    "*.ts",
    ["a.ts", "ab.ts", "b.ts", "é.ts"],
  ],
  "enters any number of directories, also none": [
    "**/index.ts",
    ["src/deep/er/index.ts", "src/index.ts", "test/index.ts"],
  ],
  "finds files at the top by two stars": [
    "**/*.ts",
    [
      "a.ts",
      "ab.ts",
      "app/[...slug].ts",
      "app/s.ts",
      "b.ts",
      "src/deep/er/index.ts",
      "src/index.test.ts",
      "src/index.ts",
      "test/index.ts",
      "é.ts",
    ],
  ],
  "takes two stars in the middle for no directory too": [
    "src/**/index.ts",
    ["src/deep/er/index.ts", "src/index.ts"],
  ],
  "finds all below by two stars at the end": [
    "src/**",
    ["src/deep/er/index.ts", "src/index.test.ts", "src/index.ts"],
  ],
  "keeps one star within a name": ["src/*/index.ts", []],
  "takes a question mark for one character": ["?.ts", ["a.ts", "b.ts", "é.ts"]],
  "takes a class for one of its characters": ["[ax].ts", ["a.ts"]],
  "takes a range for one between its ends": ["[a-z].ts", ["a.ts", "b.ts"]],
  "takes a negated class for any other character": ["[!a].ts", ["b.ts", "é.ts"]],
  "takes braces for each of their parts": ["{a,ab,absent}.ts", ["a.ts", "ab.ts"]],
  "takes braces over slashes": [
    "{src,test}/*.ts",
    ["src/index.test.ts", "src/index.ts", "test/index.ts"],
  ],
  "takes braces within braces": ["{a{,b},b}.ts", ["a.ts", "ab.ts", "b.ts"]],
  "takes an escaped star literally": ["odd/star\\*.txt", ["odd/star*.txt"]],
  "takes escaped braces literally": ["odd/\\{a,b\\}.txt", ["odd/{a,b}.txt"]],
  "takes an escaped backslash literally": ["odd/back\\\\slash.txt", ["odd/back\\slash.txt"]],
  "takes an exclamation mark outside of a class literally": ["odd/!x.txt", ["odd/!x.txt"]],
  "finds the very file whose name looks like a class": [
    "app/[...slug].ts",
    // `[...slug]` is also a class, which matches the `s` of `s.ts`.
    ["app/[...slug].ts", "app/s.ts"],
  ],
  "finds a file in a directory in parentheses": ["app/(group)/*.tsx", ["app/(group)/page.tsx"]],
  "finds a file by its plain path": ["src/deep/er/index.ts", ["src/deep/er/index.ts"]],
  "finds no directory": ["*", ["README.md", "a.ts", "ab.ts", "b.ts", "é.ts"]],
  "finds a hidden file that the pattern names": [".env", [".env"]],
  "finds hidden files by a pattern that begins with a dot": [".*", [".env"]],
  "enters a hidden directory that the pattern names": [".git/*.ts", [".git/config.ts"]],
  "tells upper from lower case": ["readme.*", []],
  "finds nothing where nothing matches": ["**/*.rs", []],
};

const patternBehaviours = Object.fromEntries(
  Object.entries(PATTERNS).map(([sentence, [pattern, files]]): [string, Behaviour] => [
    sentence,
    async (bench) => {
      await makeTree(bench);
      expect(await found(bench, pattern)).toEqual(files);
    },
  ]),
);

export const globBehaviours: BehaviourGroup = {
  name: "glob",
  behaviours: {
    ...patternBehaviours,

    "finds hidden files where that is asked for": async (bench) => {
      await makeTree(bench);
      expect(await found(bench, "**/*.ts", { hidden: true })).toEqual(
        expect.arrayContaining([".git/config.ts", "src/.cache/index.ts", "a.ts"]),
      );
      expect(await found(bench, "*", { hidden: true })).toContain(".env");
    },

    "sorts by the bytes of the paths": async (bench) => {
      const { sandbox, path } = bench;
      const sorted = ["B/x", "a-b", "a.b/x", "a/x", "a0", "é", "\uff5e", "\u{1f600}"];
      for (const name of sorted.toReversed()) await sandbox.write(path(name), "x");
      expect(await found(bench, "**/*")).toEqual(sorted);
    },

    "tells of each file what stat tells": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file.txt"), "12345", { mode: 0o600 });
      const result = await sandbox.glob("*", { path: directory });
      expect(result).toEqual({ files: [await sandbox.stat(path("file.txt"))], truncated: false });
    },

    "searches workDir and relative paths": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file.txt"), "x");
      const relative = directory.slice(sandbox.workDir.length).replace(/^\//, "");
      const below = await sandbox.glob("*.txt", { path: `./${relative}/` });
      expect(below.files.map((file) => file.path)).toEqual([path("file.txt")]);
      const all = await sandbox.glob(`${relative}/*.txt`);
      expect(all.files.map((file) => file.path)).toEqual([path("file.txt")]);
    },

    "ends at the limit and says so": async ({ sandbox, directory, run }) => {
      await run('for n in 1 2 3 4 5; do : > "f$n"; done');
      const cut = await sandbox.glob("*", { path: directory, limit: 3 });
      expect(cut.files).toHaveLength(3);
      expect(cut.truncated).toBe(true);
      const whole = await sandbox.glob("*", { path: directory, limit: 5 });
      expect(whole.files).toHaveLength(5);
      expect(whole.truncated).toBe(false);
    },

    "finds files whose names have line breaks": async (bench) => {
      await bench.sandbox.write(bench.path("a\nb.txt"), "x");
      expect(await found(bench, "*.txt")).toEqual(["a\nb.txt"]);
    },

    "ends in time on patterns that explode": async ({ sandbox, directory, run }) => {
      await run(`for n in 1 2 3 4 5; do : > "${"a".repeat(200)}$n"; done`);
      const stars = await sandbox.glob(`**/**/**/**/${"*a".repeat(30)}*b`, {
        path: directory,
        timeoutMs: 2000,
      });
      expect(stars.files).toEqual([]);
      const [outcome] = await settledCodes([
        sandbox.glob("{a,b}".repeat(40), { path: directory, timeoutMs: 2000 }),
      ]);
      expect(["fulfilled", "invalid-argument"]).toContain(outcome);
    },

    "takes a pattern as long as its bound, and refuses a longer one": async (bench) => {
      const { sandbox, directory, rejects } = bench;
      await sandbox.write(bench.path("a"), "x");
      const names = `{a,${"é".repeat((MAX_GLOB_PATTERN_BYTES - 4) / 2)}}`;
      expect(await found(bench, names)).toEqual(["a"]);
      await rejects(sandbox.glob(`${names}*`, { path: directory }), "invalid-argument");
      await rejects(sandbox.glob("", { path: directory }), "invalid-argument");
    },

    "refuses a limit or timeout that is none": async ({ sandbox, directory, rejects }) => {
      for (const value of [0, -1, 1.5, Number.NaN]) {
        await rejects(sandbox.glob("*", { path: directory, limit: value }), "invalid-argument");
        await rejects(sandbox.glob("*", { path: directory, timeoutMs: value }), "invalid-argument");
      }
    },

    "fails where the directory is missing or a file": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.glob("*", { path: path("absent") }), "not-found");
      await rejects(sandbox.glob("*", { path: path("file") }), "not-directory");
    },
  },
};
