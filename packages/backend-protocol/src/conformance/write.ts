import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { ALL_BYTES, MEBIBYTE, expectBytes, noise, sha256, streamOf } from "./bytes.ts";

export const writeBehaviours: BehaviourGroup = {
  name: "write",
  behaviours: {
    "makes a file and tells all of it": async ({ sandbox, path, text }) => {
      expect(await sandbox.write(path("new.txt"), "héllo\n")).toEqual({
        path: path("new.txt"),
        sizeBytes: 7,
        hash: sha256("héllo\n"),
        created: true,
      });
      expect(await text("new.txt")).toBe("héllo\n");
    },

    "replaces a file": async ({ sandbox, path, text }) => {
      await sandbox.write(path("file"), "a long first content");
      expect(await sandbox.write(path("file"), "short")).toEqual({
        path: path("file"),
        sizeBytes: 5,
        hash: sha256("short"),
        created: false,
      });
      expect(await text("file")).toBe("short");
    },

    "makes missing parents": async ({ sandbox, path, text }) => {
      await sandbox.write(path("a/b/c/file"), "deep");
      expect(await text("a/b/c/file")).toBe("deep");
      expect(await sandbox.stat(path("a/b"))).toMatchObject({ type: "directory" });
    },

    "takes a path relative to workDir": async ({ sandbox, directory, text }) => {
      const relative = directory.slice(sandbox.workDir.length).replace(/^\//, "");
      const { path } = await sandbox.write(`./${relative}//x/../file`, "here");
      expect(path).toBe(`${directory}/file`);
      expect(await text("file")).toBe("here");
    },

    "writes every byte as it is": async ({ sandbox, path }) => {
      const result = await sandbox.write(path("binary"), ALL_BYTES);
      expect(result).toMatchObject({ sizeBytes: ALL_BYTES.length, hash: sha256(ALL_BYTES) });
      expectBytes(await sandbox.read(path("binary")), ALL_BYTES);
    },

    "writes only the view of a larger buffer": async ({ sandbox, path, text }) => {
      const buffer = new TextEncoder().encode("0123456789");
      await sandbox.write(path("file"), buffer.subarray(3, 6));
      expect(await text("file")).toBe("345");
    },

    "writes an empty file": async ({ sandbox, path }) => {
      for (const [name, content] of Object.entries({
        text: "",
        bytes: new Uint8Array(),
        stream: streamOf(),
      })) {
        const result = await sandbox.write(path(name), content);
        expect(result).toMatchObject({ sizeBytes: 0, hash: sha256(""), created: true });
        expectBytes(await sandbox.read(path(name)), new Uint8Array());
      }
    },

    "keeps shell syntax in the content": async ({ sandbox, path, text }) => {
      const content = "EOF\n$HOME `id` $(id) \\n %s 'q' \"d\" !! \\\n'EOF'\n";
      await sandbox.write(path("file"), content);
      expect(await text("file")).toBe(content);
    },

    "keeps line ends and a byte order mark": async ({ sandbox, path }) => {
      const content = "\ufeffone\r\ntwo\rthree";
      await sandbox.write(path("file"), content);
      expectBytes(await sandbox.read(path("file")), new TextEncoder().encode(content));
    },

    "writes one huge line": async ({ sandbox, path }) => {
      const content = "l".repeat(12 * MEBIBYTE);
      expect((await sandbox.write(path("file"), content)).hash).toBe(sha256(content));
      expect((await sandbox.stat(path("file")))?.sizeBytes).toBe(content.length);
    },

    "writes a stream chunk by chunk": async ({ sandbox, path, text }) => {
      const chunks = ["one ", "", "two ", "é"].map((part) => new TextEncoder().encode(part));
      const result = await sandbox.write(path("file"), streamOf(...chunks));
      expect(result).toMatchObject({ sizeBytes: 10, hash: sha256("one two é") });
      expect(await text("file")).toBe("one two é");
    },

    "writes a stream of tens of megabytes": async ({ sandbox, path, run }) => {
      const chunk = noise(MEBIBYTE);
      const result = await sandbox.write(
        path("huge"),
        streamOf(...Array.from({ length: 40 }, () => chunk)),
      );
      expect(result.sizeBytes).toBe(40 * MEBIBYTE);
      expect(result.hash).toBe(sha256(Buffer.concat(Array.from({ length: 40 }, () => chunk))));
      expect((await run("wc -c < huge")).stdout.trim()).toBe(String(40 * MEBIBYTE));
    },

    "gives a new file the mode 0644": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      expect((await sandbox.stat(path("file")))?.mode).toBe(0o644);
    },

    "gives a file the mode that is asked for": async ({ sandbox, path }) => {
      for (const mode of [0o600, 0o755, 0o666]) {
        await sandbox.write(path("file"), "x", { mode });
        expect((await sandbox.stat(path("file")))?.mode).toBe(mode);
      }
    },

    "keeps the mode of the file that it replaces": async ({ sandbox, path, run }) => {
      await sandbox.write(path("script"), "#!/bin/sh\necho old\n");
      await run("chmod 755 script");
      await sandbox.write(path("script"), "#!/bin/sh\necho new\n");
      expect((await sandbox.stat(path("script")))?.mode).toBe(0o755);
    },

    "refuses a mode that is none": async ({ sandbox, path, rejects }) => {
      for (const mode of [-1, 0o10000, 1.5, Number.NaN]) {
        await rejects(sandbox.write(path("file"), "x", { mode }), "invalid-argument");
      }
      expect(await sandbox.stat(path("file"))).toBeNull();
    },

    "fails on a directory": async ({ sandbox, directory, path, rejects }) => {
      await sandbox.mkdir(path("folder"));
      await rejects(sandbox.write(path("folder"), "x"), "is-directory");
      await rejects(sandbox.write(directory, "x"), "is-directory");
      await rejects(sandbox.write("/", "x"), "is-directory");
      expect(await sandbox.ls(path("folder"))).toEqual([]);
    },

    "fails where a parent is a file": async ({ sandbox, path, rejects, text }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.write(path("file/child"), "y"), "not-directory");
      await rejects(sandbox.write(path("file/deep/child"), "y"), "not-directory");
      expect(await text("file")).toBe("x");
    },

    "is seen by a command at once": async ({ sandbox, path, run }) => {
      for (const content of ["one", "two", "three"]) {
        await sandbox.write(path("file"), content);
        expect((await run("cat file")).stdout).toBe(content);
      }
    },
  },
};
