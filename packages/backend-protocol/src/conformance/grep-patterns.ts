import { expect } from "vitest";
import type { GrepOptions } from "../files.ts";
import { MAX_GLOB_PATTERN_BYTES, MAX_GREP_PATTERN_BYTES } from "../limits.ts";
import type { Behaviour, BehaviourGroup } from "./behaviour.ts";

const LINES = [
  "import { foo } from 'foo';",
  "const bar = foo(1, 2);",
  "FOO BAR",
  "",
  "price: $5.00 (approx.)",
  "-rf --help -e x",
  "a+b=c [d] {e} ^f$ \\g|h",
  "tab\there",
  "naïve Größe 日本語",
  "foobar",
  "2024-01-31",
];

const numbers = (...lines: number[]): number[] => lines;

/** Pattern, options, and the numbers of the lines that it finds. */
const PATTERNS: Readonly<Record<string, [string, number[], GrepOptions?]>> = {
  "takes a plain word": ["bar", numbers(2, 10)],
  "takes alternatives": ["price|naïve", numbers(5, 9)],
  "takes an anchor at the start": ["^const", numbers(2)],
  "takes an anchor at the end": ["bar$", numbers(10)],
  "finds empty lines": ["^$", numbers(4)],
  "takes classes and counts": ["[0-9]{4}-[0-9]{2}", numbers(11)],
  "takes a class by its letter": ["^\\d+-\\d+-\\d+$", numbers(11)],
  "takes a class by its name": ["[[:digit:]][[:punct:]][[:digit:]]", numbers(5, 11)],
  "takes a class of Unicode": ["\\p{Han}+", numbers(9)],
  "takes boundaries of words": ["\\bfoo\\b", numbers(1, 2)],
  "takes a dot for a whole character": ["^na.ve", numbers(9)],
  "takes groups": ["(foo)(bar)", numbers(10)],
  "takes a named group": ["(?P<word>foo)bar", numbers(10)],
  "takes an inline flag": ["(?i)foo bar", numbers(3)],
  "takes an escaped tab": ["tab\\there", numbers(8)],
  "takes an escaped metacharacter": ["\\$5\\.00 \\(", numbers(5)],
  "takes a pattern that begins with a dash": ["-rf", numbers(6)],
  "takes a pattern that is an option elsewhere": ["--help", numbers(6)],
  "tells upper from lower case": ["foo bar", []],
  "ignores case where that is asked for": ["foo BAR", numbers(3), { ignoreCase: true }],
  "ignores case beyond ASCII": ["GRÖSSE|GRÖßE", numbers(9), { ignoreCase: true }],
  "takes metacharacters literally where that is asked for": [
    "a+b=c [d] {e} ^f$ \\g|h",
    numbers(7),
    { literal: true },
  ],
  "takes what cannot be parsed literally": ["(approx.", numbers(5), { literal: true }],
  "takes an alternative literally": ["foo|bar", [], { literal: true }],
  "takes a dash literally": ["-e x", numbers(6), { literal: true }],
  "ignores case in literal text": ["FROM 'FOO'", numbers(1), { literal: true, ignoreCase: true }],
};

const patternBehaviours = Object.fromEntries(
  Object.entries(PATTERNS).map(([sentence, [pattern, lines, options]]): [string, Behaviour] => [
    sentence,
    async ({ sandbox, path }) => {
      await sandbox.write(path("file"), `${LINES.join("\n")}\n`);
      const { matches } = await sandbox.grep(pattern, { path: path("file"), ...options });
      expect(matches).toEqual(
        lines.map((line) => ({ path: path("file"), line, text: LINES[line - 1] })),
      );
    },
  ]),
);

export const grepPatternBehaviours: BehaviourGroup = {
  name: "grep patterns",
  behaviours: {
    ...patternBehaviours,

    "refuses what cannot be parsed": async ({ sandbox, directory, rejects }) => {
      for (const pattern of ["(", "[a", "*a", "a{2,1}", "\\", "(?P<a"]) {
        await rejects(sandbox.grep(pattern, { path: directory }), "invalid-argument");
      }
    },

    "refuses what RE2 does not have": async ({ sandbox, directory, rejects }) => {
      for (const pattern of ["(a)\\1", "(?=a)", "(?<!a)b"]) {
        await rejects(sandbox.grep(pattern, { path: directory }), "invalid-argument");
      }
    },

    "takes a pattern as long as its bound, and refuses a longer one": async (bench) => {
      const { sandbox, directory, path, rejects } = bench;
      await sandbox.write(path("file"), "needle\n");
      const pattern = "needle|".padEnd(MAX_GREP_PATTERN_BYTES, "x");
      expect((await sandbox.grep(pattern, { path: path("file") })).matches).toHaveLength(1);
      await rejects(sandbox.grep(`${pattern}x`, { path: directory }), "invalid-argument");
      const literal = { path: directory, literal: true };
      await rejects(sandbox.grep(`${pattern}x`, literal), "invalid-argument");
      const glob = "x".repeat(MAX_GLOB_PATTERN_BYTES + 1);
      await rejects(sandbox.grep("x", { path: directory, glob }), "invalid-argument");
    },

    "does not match over a line break": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "one\ntwo\n");
      for (const pattern of ["one.two", "one\\stwo", "one[^x]two"]) {
        expect((await sandbox.grep(pattern, { path: path("file") })).matches).toEqual([]);
      }
    },

    "ends in time on a pattern that explodes elsewhere": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), `${"a".repeat(50_000)}!\nab\n`);
      for (const pattern of ["^(a+)+$", "^(a|a)*$", "^(.*a){12}$"]) {
        const { matches } = await sandbox.grep(pattern, { path: path("file"), timeoutMs: 5000 });
        expect(matches).toEqual([]);
      }
    },
  },
};
