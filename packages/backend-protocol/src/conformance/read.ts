import { expect } from "vitest";
import { MAX_READ_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { ALL_BYTES, expectBytes, noise } from "./bytes.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export const readBehaviours: BehaviourGroup = {
  name: "read",
  behaviours: {
    "gives every byte as it is": async ({ sandbox, path }) => {
      await sandbox.write(path("binary"), ALL_BYTES);
      expectBytes(await sandbox.read(path("binary")), ALL_BYTES);
    },

    "gives null where nothing is": async ({ sandbox, path }) => {
      expect(await sandbox.read(path("absent"))).toBeNull();
      expect(await sandbox.read(path("absent/file"))).toBeNull();
    },

    "gives null where a parent is a file": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      expect(await sandbox.read(path("file/child"))).toBeNull();
    },

    "tells an empty file from none": async ({ sandbox, path }) => {
      await sandbox.write(path("empty"), "");
      expectBytes(await sandbox.read(path("empty")), new Uint8Array());
    },

    "keeps line ends and a byte order mark": async ({ sandbox, path }) => {
      const content = bytesOf("\ufefffirst\r\nsecond\rthird\n");
      await sandbox.write(path("windows.txt"), content);
      expectBytes(await sandbox.read(path("windows.txt")), content);
    },

    "starts at the offset": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "0123456789");
      expectBytes(await sandbox.read(path("file"), { offset: 7 }), bytesOf("789"));
    },

    "ends at the limit": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "0123456789");
      expectBytes(await sandbox.read(path("file"), { limit: 3 }), bytesOf("012"));
      expectBytes(await sandbox.read(path("file"), { offset: 4, limit: 2 }), bytesOf("45"));
      expectBytes(await sandbox.read(path("file"), { limit: 0 }), new Uint8Array());
    },

    "gives what there is where the limit is beyond the end": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "0123456789");
      expectBytes(await sandbox.read(path("file"), { offset: 8, limit: 100 }), bytesOf("89"));
    },

    "gives nothing beyond the end": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "0123456789");
      expectBytes(await sandbox.read(path("file"), { offset: 10 }), new Uint8Array());
      expectBytes(await sandbox.read(path("file"), { offset: 1e12, limit: 5 }), new Uint8Array());
    },

    "may cut a character": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "é");
      expectBytes(await sandbox.read(path("file"), { offset: 1 }), Uint8Array.of(0xa9));
    },

    "refuses an offset or limit that is no count": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "0123456789");
      for (const value of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await rejects(sandbox.read(path("file"), { offset: value }), "invalid-argument");
        await rejects(sandbox.read(path("file"), { limit: value }), "invalid-argument");
      }
    },

    "gives as much as its bound allows": async ({ sandbox, path }) => {
      const content = noise(MAX_READ_BYTES);
      await sandbox.write(path("large"), content);
      expectBytes(await sandbox.read(path("large")), content);
    },

    "refuses to give more than its bound": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("larger"), new Uint8Array(MAX_READ_BYTES + 1));
      await rejects(sandbox.read(path("larger")), "too-large");
      await rejects(sandbox.read(path("larger"), { limit: MAX_READ_BYTES + 1 }), "too-large");
    },

    "gives a part of a file that is over the bound": async ({ sandbox, path }) => {
      const content = noise(MAX_READ_BYTES + 1000);
      await sandbox.write(path("larger"), content);
      expectBytes(
        await sandbox.read(path("larger"), { offset: MAX_READ_BYTES - 10 }),
        content.subarray(MAX_READ_BYTES - 10),
      );
      expectBytes(await sandbox.read(path("larger"), { limit: 10 }), content.subarray(0, 10));
    },

    "gives bytes that are the caller's own": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "untouched");
      (await sandbox.read(path("file")))?.fill(0);
      expect(await text("file")).toBe("untouched");
    },

    "fails on a directory": async ({ sandbox, directory, rejects }) => {
      await rejects(sandbox.read(directory), "is-directory");
    },

    "sees what a command wrote": async ({ text, run }) => {
      await run("echo one > log; echo two >> log");
      expect(await text("log")).toBe("one\ntwo\n");
    },
  },
};
