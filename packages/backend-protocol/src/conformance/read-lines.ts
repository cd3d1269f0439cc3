import { expect } from "vitest";
import { DEFAULT_READ_LINES, MAX_LINE_BYTES, MAX_READ_LINES_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { MEBIBYTE, sha256 } from "./bytes.ts";

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, index) => `line ${index}\n`).join("");

export const readLinesBehaviours: BehaviourGroup = {
  name: "readLines",
  behaviours: {
    "tells all of a short file": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "one\ntwo\nthree\n");
      expect(await sandbox.readLines(path("file"))).toEqual({
        lines: ["one", "two", "three"],
        offset: 0,
        nextOffset: null,
        totalLines: 3,
        hash: sha256("one\ntwo\nthree\n"),
        cutLines: [],
        binary: false,
      });
    },

    "gives null where nothing is": async ({ sandbox, path }) => {
      expect(await sandbox.readLines(path("absent"))).toBeNull();
    },

    "gives no line for an empty file": async ({ sandbox, path }) => {
      await sandbox.write(path("empty"), "");
      expect(await sandbox.readLines(path("empty"))).toMatchObject({
        lines: [],
        nextOffset: null,
        totalLines: 0,
        binary: false,
      });
    },

    "counts a last line without a line break": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "one\ntwo");
      expect(await sandbox.readLines(path("file"))).toMatchObject({
        lines: ["one", "two"],
        totalLines: 2,
      });
    },

    "keeps empty lines": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "\n\na\n\n");
      expect(await sandbox.readLines(path("file"))).toMatchObject({
        lines: ["", "", "a", ""],
        totalLines: 4,
      });
    },

    "keeps the carriage return of a line": async ({ sandbox, path }) => {
      await sandbox.write(path("windows.txt"), "one\r\ntwo\rstill two\r\n");
      const range = await sandbox.readLines(path("windows.txt"));
      expect(range?.lines).toEqual(["one\r", "two\rstill two\r"]);
    },

    "keeps a byte order mark": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "\ufeffone\n");
      expect((await sandbox.readLines(path("file")))?.lines).toEqual(["\ufeffone"]);
    },

    "gives text of any script whole": async ({ sandbox, path }) => {
      const lines = ["naïve", "日本語", "👩‍👩‍👧", "עברית"];
      await sandbox.write(path("file"), lines.join("\n"));
      expect((await sandbox.readLines(path("file")))?.lines).toEqual(lines);
    },

    "shows bytes that are no text as U+FFFD": async ({ sandbox, path }) => {
      await sandbox.write(path("latin1"), Uint8Array.of(0x61, 0xe9, 0x62, 0x0a, 0x63));
      expect((await sandbox.readLines(path("latin1")))?.lines).toEqual(["a\ufffdb", "c"]);
    },

    "goes on where the last range ended": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "a\nb\nc\nd\ne\n");
      const first = await sandbox.readLines(path("file"), { limit: 2 });
      expect(first).toMatchObject({ lines: ["a", "b"], offset: 0, nextOffset: 2 });
      const second = await sandbox.readLines(path("file"), { offset: 2, limit: 2 });
      expect(second).toMatchObject({ lines: ["c", "d"], offset: 2, nextOffset: 4 });
      const third = await sandbox.readLines(path("file"), { offset: 4, limit: 2 });
      expect(third).toMatchObject({ lines: ["e"], offset: 4, nextOffset: null });
    },

    "ends where the limit is the end": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "a\nb\n");
      expect(await sandbox.readLines(path("file"), { limit: 2 })).toMatchObject({
        lines: ["a", "b"],
        nextOffset: null,
      });
    },

    "gives the hash of the whole file, or null where it did not read it": async (bench) => {
      const { sandbox, path, text } = bench;
      await sandbox.write(path("file"), "a\r\nb\nc");
      const part = await sandbox.readLines(path("file"), { offset: 1, limit: 1 });
      expect([sha256("a\r\nb\nc"), null]).toContain(part?.hash);
      const whole = await sandbox.readLines(path("file"));
      await sandbox.write(path("file"), "next", { ifHash: whole!.hash });
      expect(await text("file")).toBe("next");
    },

    "gives no lines beyond the end": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "a\nb\n");
      for (const offset of [2, 1e9]) {
        expect(await sandbox.readLines(path("file"), { offset })).toMatchObject({
          lines: [],
          nextOffset: null,
        });
      }
    },

    "gives its default number of lines": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), numbered(DEFAULT_READ_LINES + 500));
      const range = await sandbox.readLines(path("file"));
      expect(range?.lines).toHaveLength(DEFAULT_READ_LINES);
      expect(range?.lines.at(-1)).toBe(`line ${DEFAULT_READ_LINES - 1}`);
      expect(range?.nextOffset).toBe(DEFAULT_READ_LINES);
      expect(range?.totalLines).toBe(DEFAULT_READ_LINES + 500);
    },

    "gives more lines where they are asked for": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), numbered(5000));
      const range = await sandbox.readLines(path("file"), { limit: 5000 });
      expect(range?.lines).toHaveLength(5000);
      expect(range?.nextOffset).toBeNull();
    },

    "cuts long lines and says which": async ({ sandbox, path }) => {
      const long = "x".repeat(MAX_LINE_BYTES + 1);
      await sandbox.write(path("file"), `short\n${long}\n${long.slice(1)}\nend`);
      const range = await sandbox.readLines(path("file"));
      expect(range?.lines.map((line) => line.length)).toEqual([
        5,
        MAX_LINE_BYTES,
        MAX_LINE_BYTES,
        3,
      ]);
      expect(range?.cutLines).toEqual([1]);
    },

    "measures a line in bytes and not in characters": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "é".repeat(MAX_LINE_BYTES - 10));
      const range = await sandbox.readLines(path("file"));
      expect(range?.cutLines).toEqual([0]);
      expect(range?.lines[0]?.length).toBeLessThanOrEqual(MAX_LINE_BYTES / 2 + 1);
    },

    "bounds the text of a range, and goes on after it": async ({ sandbox, path }) => {
      const line = "y".repeat(1000);
      await sandbox.write(path("file"), `${line}\n`.repeat(2500));
      const counts: number[] = [];
      for (let offset: number | null = 0; offset !== null;) {
        const range = await sandbox.readLines(path("file"), { offset, limit: 2500 });
        expect(range?.offset).toBe(offset);
        expect(range?.lines.every((text) => text === line)).toBe(true);
        expect(range!.lines.length * 1000).toBeLessThanOrEqual(MAX_READ_LINES_BYTES);
        counts.push(range!.lines.length);
        offset = range!.nextOffset;
      }
      expect(counts.length).toBeGreaterThan(1);
      expect(counts.reduce((sum, count) => sum + count)).toBe(2500);
    },

    "reads a file of one huge line": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "z".repeat(20 * MEBIBYTE));
      const range = await sandbox.readLines(path("file"));
      expect(range).toMatchObject({ offset: 0, nextOffset: null, cutLines: [0] });
      expect(range?.lines.map((line) => line.length)).toEqual([MAX_LINE_BYTES]);
    },

    "reads near the end of a huge file": async ({ sandbox, path }) => {
      const line = `${"w".repeat(99)}\n`;
      await sandbox.write(path("file"), line.repeat(300_000) + "last\n");
      const range = await sandbox.readLines(path("file"), { offset: 299_999 });
      expect(range?.lines).toEqual([line.trimEnd(), "last"]);
      expect(range?.nextOffset).toBeNull();
    },

    "passes over a binary file and says so": async ({ sandbox, path }) => {
      await sandbox.write(path("binary"), "text\n\0more\n");
      expect(await sandbox.readLines(path("binary"))).toMatchObject({ lines: [], binary: true });
    },

    "reads on where a NUL comes late": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), `${"a\n".repeat(5000)}b\0c\n`);
      const range = await sandbox.readLines(path("file"), { offset: 5000 });
      expect(range).toMatchObject({ lines: ["b\0c"], binary: false });
    },

    "refuses an offset or limit that is no count": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "a\n");
      for (const value of [-1, 0.5, Number.NaN]) {
        await rejects(sandbox.readLines(path("file"), { offset: value }), "invalid-argument");
        await rejects(sandbox.readLines(path("file"), { limit: value }), "invalid-argument");
      }
      await rejects(sandbox.readLines(path("file"), { limit: 0 }), "invalid-argument");
    },

    "fails on a directory": async ({ sandbox, directory, rejects }) => {
      await rejects(sandbox.readLines(directory), "is-directory");
    },
  },
};
