import { expect } from "vitest";
import type { Sandbox } from "../sandbox.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { ALL_BYTES, MEBIBYTE, collectStream, expectBytes, noise } from "./bytes.ts";
import { readTar } from "./tar.ts";
import type { TarEntry } from "./tar.ts";

async function archived(sandbox: Sandbox, path: string): Promise<Map<string, TarEntry>> {
  return readTar(await sandbox.archive(path));
}

export const archiveBehaviours: BehaviourGroup = {
  name: "archive",
  behaviours: {
    "packs a directory, names relative to its parent": async ({ sandbox, path }) => {
      await sandbox.write(path("box/a.txt"), "one");
      await sandbox.write(path("box/deep/b.txt"), "two");
      await sandbox.write(path("box/.hidden"), "three");
      await sandbox.write(path("beside"), "not packed");
      const entries = await archived(sandbox, path("box"));
      expect([...entries.keys()].toSorted()).toEqual([
        "box",
        "box/.hidden",
        "box/a.txt",
        "box/deep",
        "box/deep/b.txt",
      ]);
      expect(entries.get("box/deep/b.txt")).toMatchObject({ type: "file", mode: 0o644 });
      expect(entries.get("box/deep")?.type).toBe("directory");
      expect(entries.get("box/.hidden")?.content.toString()).toBe("three");
    },

    "packs a single file": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), ALL_BYTES);
      const entries = await archived(sandbox, path("file"));
      expect([...entries.keys()]).toEqual(["file"]);
      expectBytes(entries.get("file")?.content ?? null, ALL_BYTES);
    },

    "packs empty files and directories": async ({ sandbox, path }) => {
      await sandbox.write(path("box/empty"), "");
      await sandbox.mkdir(path("box/folder"));
      const entries = await archived(sandbox, path("box"));
      expect(entries.get("box/empty")).toMatchObject({ type: "file", content: Buffer.alloc(0) });
      expect(entries.get("box/folder")?.type).toBe("directory");
    },

    "keeps modes": async ({ sandbox, path }) => {
      await sandbox.write(path("box/script"), "x", { mode: 0o755 });
      await sandbox.write(path("box/secret"), "x", { mode: 0o600 });
      const entries = await archived(sandbox, path("box"));
      expect(entries.get("box/script")?.mode).toBe(0o755);
      expect(entries.get("box/secret")?.mode).toBe(0o600);
    },

    "keeps names of any length and script": async ({ sandbox, path }) => {
      const names = [
        "n".repeat(255),
        "日本語 \u{1f600}.txt",
        "a\nb",
        "-rf",
        `${"d/".repeat(150)}f`,
      ];
      for (const name of names) await sandbox.write(path(`box/${name}`), name);
      const entries = await archived(sandbox, path("box"));
      for (const name of names) {
        expect(entries.get(`box/${name}`)?.content.toString()).toBe(name);
      }
    },

    "packs tens of megabytes": async ({ sandbox, path }) => {
      const content = noise(30 * MEBIBYTE + 1);
      await sandbox.write(path("box/huge"), content);
      await sandbox.write(path("box/last"), "x");
      const entries = await archived(sandbox, path("box"));
      expectBytes(entries.get("box/huge")?.content ?? null, content);
      expect(entries.get("box/last")?.content.toString()).toBe("x");
    },

    "ends as a tar ends": async ({ sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      const bytes = await collectStream(await sandbox.archive(path("file")));
      expect(bytes.length % 512).toBe(0);
      expectBytes(bytes.subarray(-1024), new Uint8Array(1024));
      expect(Buffer.from(bytes.subarray(257, 262)).toString("latin1")).toBe("ustar");
    },

    "packs workDir": async ({ sandbox, path, directory }) => {
      await sandbox.write(path("file"), "x");
      const parent = sandbox.workDir.slice(0, sandbox.workDir.lastIndexOf("/") + 1);
      const entries = await archived(sandbox, ".");
      expect(entries.get(`${directory}/file`.slice(parent.length))?.content.toString()).toBe("x");
    },

    "can be cancelled": async ({ sandbox, path, run }) => {
      await sandbox.write(path("box/huge"), new Uint8Array(20 * MEBIBYTE));
      const reader = (await sandbox.archive(path("box"))).getReader();
      await reader.read();
      await reader.cancel();
      await run("echo hi");
    },

    "fails where nothing is": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.archive(path("absent")), "not-found");
    },
  },
};
