import { expect } from "vitest";
import { MAX_READ_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { expectBytes, sha256 } from "./bytes.ts";

export const editBehaviours: BehaviourGroup = {
  name: "edit",
  behaviours: {
    "replaces text and tells all of it": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "one\ntwo\nthree\n");
      expect(await sandbox.edit(path("file"), "two", "zwei!")).toEqual({
        path: path("file"),
        replacements: 1,
        sizeBytes: 16,
        hash: sha256("one\nzwei!\nthree\n"),
        firstLine: 2,
      });
      expect(await text("file")).toBe("one\nzwei!\nthree\n");
    },

    "replaces text over several lines": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "a\nb\nc\nd\n");
      const result = await sandbox.edit(path("file"), "b\nc\n", "x\n");
      expect(result.firstLine).toBe(2);
      expect(await text("file")).toBe("a\nx\nd\n");
    },

    "removes text": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "keep drop keep");
      await sandbox.edit(path("file"), " drop", "");
      expect(await text("file")).toBe("keep keep");
    },

    "replaces all of a file": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "all");
      expect(await sandbox.edit(path("file"), "all", "other")).toMatchObject({ firstLine: 1 });
      expect(await text("file")).toBe("other");
    },

    "counts an edit that changes nothing": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "same");
      expect(await sandbox.edit(path("file"), "same", "same")).toMatchObject({
        replacements: 1,
        hash: sha256("same"),
      });
      expect(await text("file")).toBe("same");
    },

    "fails where the text does not occur": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "content");
      await rejects(sandbox.edit(path("file"), "absent", "x"), "no-match");
      await rejects(sandbox.edit(path("file"), "Content", "x"), "no-match");
      await rejects(sandbox.edit(path("file"), "absent", "x", { replaceAll: true }), "no-match");
      expect(await text("file")).toBe("content");
    },

    "fails where the text occurs more than once": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "a b a");
      await rejects(sandbox.edit(path("file"), "a", "x"), "ambiguous-match");
      expect(await text("file")).toBe("a b a");
    },

    "replaces every occurrence where that is asked for": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "b\na a\na\n");
      expect(await sandbox.edit(path("file"), "a", "aa", { replaceAll: true })).toMatchObject({
        replacements: 3,
        firstLine: 2,
      });
      expect(await text("file")).toBe("b\naa aa\naa\n");
    },

    "replaces occurrences that do not overlap": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "aaaaa");
      const result = await sandbox.edit(path("file"), "aa", "b", { replaceAll: true });
      expect(result.replacements).toBe(2);
      expect(await text("file")).toBe("bba");
    },

    "takes both texts literally": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "before .*[a](b)$^|\\ after");
      await sandbox.edit(path("file"), ".*[a](b)$^|\\", "$& $1 $$ $` $' \\n \\0 %s &");
      expect(await text("file")).toBe("before $& $1 $$ $` $' \\n \\0 %s & after");
      await sandbox.edit(path("file"), "$&", "$&$&", { replaceAll: true });
      expect(await text("file")).toBe("before $&$& $1 $$ $` $' \\n \\0 %s & after");
    },

    "keeps line ends elsewhere": async ({ sandbox, path, text }) => {
      await sandbox.write(path("windows.txt"), "\ufeffone\r\ntwo\r\n");
      await sandbox.edit(path("windows.txt"), "two", "2");
      expect(await text("windows.txt")).toBe("\ufeffone\r\n2\r\n");
    },

    "does not take one line end for another": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("windows.txt"), "one\r\ntwo\r\n");
      await rejects(sandbox.edit(path("windows.txt"), "one\ntwo", "x"), "no-match");
    },

    "keeps bytes that are no text": async ({ sandbox, path }) => {
      const content = Buffer.from([0xff, 0x00, 0xe9, 0x61, 0x62, 0xc3, 0x28, 0xf0, 0x9f]);
      await sandbox.write(path("binary"), content);
      await sandbox.edit(path("binary"), "ab", "é");
      expectBytes(
        await sandbox.read(path("binary")),
        Buffer.from([0xff, 0x00, 0xe9, 0xc3, 0xa9, 0xc3, 0x28, 0xf0, 0x9f]),
      );
    },

    "finds U+FFFD only where it stands in the file": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("binary"), Uint8Array.of(0x61, 0xff, 0x62));
      await rejects(sandbox.edit(path("binary"), "a\ufffdb", "x"), "no-match");
    },

    "tells composed from decomposed characters": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "e\u0301 and \u{1f600}");
      await rejects(sandbox.edit(path("file"), "\u00e9", "x"), "no-match");
      await sandbox.edit(path("file"), "\u{1f600}", "\u{1f601}");
      expect(await text("file")).toBe("e\u0301 and \u{1f601}");
    },

    "keeps the mode": async ({ sandbox, path, run }) => {
      await sandbox.write(path("script"), "#!/bin/sh\necho old\n");
      await run("chmod 755 script");
      await sandbox.edit(path("script"), "old", "edited");
      expect((await sandbox.stat(path("script")))?.mode).toBe(0o755);
    },

    "edits a large file": async ({ sandbox, path }) => {
      const filler = "0123456789abcde\n".repeat(600_000);
      await sandbox.write(path("large"), `${filler}needle\n${filler}`.slice(0, 15_000_000));
      const result = await sandbox.edit(path("large"), "needle", "found");
      expect(result).toMatchObject({ sizeBytes: 14_999_999, firstLine: 600_001 });
    },

    "refuses a file that is too large": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("larger"), new Uint8Array(MAX_READ_BYTES + 1).fill(0x61));
      await rejects(sandbox.edit(path("larger"), "b", "c"), "too-large");
    },

    "refuses an empty text to replace": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.edit(path("file"), "", "y"), "invalid-argument");
      await sandbox.write(path("empty"), "");
      await rejects(sandbox.edit(path("empty"), "", "y"), "invalid-argument");
    },

    "fails where nothing is": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.edit(path("absent"), "a", "b"), "not-found");
      expect(await sandbox.stat(path("absent"))).toBeNull();
    },

    "fails on a directory": async ({ sandbox, directory, rejects }) => {
      await rejects(sandbox.edit(directory, "a", "b"), "is-directory");
    },
  },
};
