import { expect } from "vitest";
import type { FileInfo } from "../files.ts";
import { MAX_LIST_ENTRIES } from "../limits.ts";
import type { Sandbox } from "../sandbox.ts";
import type { BehaviourGroup } from "./behaviour.ts";

/** All entries of a directory, page by page. */
async function listInPages(
  sandbox: Sandbox,
  directory: string,
  limit: number,
  onPage?: (page: FileInfo[]) => Promise<void>,
): Promise<FileInfo[]> {
  const entries: FileInfo[] = [];
  for (;;) {
    const page = await sandbox.ls(directory, { limit, after: entries.at(-1)?.name });
    entries.push(...page);
    if (page.length < limit) return entries;
    expect(page.length).toBe(limit);
    await onPage?.(page);
  }
}

const namesOf = (entries: readonly FileInfo[]): string[] => entries.map(({ name }) => name);

export const lsPageBehaviours: BehaviourGroup = {
  name: "ls in pages",
  behaviours: {
    "gives the first entries by the bytes of their names": async ({ sandbox, directory, path }) => {
      for (const name of ["b", "a", "\u{1f600}", "\uff5e", "B"]) {
        await sandbox.write(path(name), "x");
      }
      expect(namesOf(await sandbox.ls(directory, { limit: 2 }))).toEqual(["B", "a"]);
      expect(namesOf(await sandbox.ls(directory, { limit: 4 }))).toEqual(["B", "a", "b", "\uff5e"]);
    },

    "gives pages that together are the whole listing": async ({ sandbox, directory, run }) => {
      await run('for n in $(seq 1 103); do : > "file-$n"; done; mkdir folder');
      const whole = await sandbox.ls(directory);
      expect(whole).toHaveLength(104);
      for (const limit of [1, 10, 26, 103, 104, 105, MAX_LIST_ENTRIES]) {
        expect(await listInPages(sandbox, directory, limit)).toEqual(whole);
      }
    },

    "gives all entries after a name without a limit": async ({ sandbox, directory, path }) => {
      for (const name of ["a", "b", "c"]) await sandbox.write(path(name), "x");
      expect(namesOf(await sandbox.ls(directory, { after: "a" }))).toEqual(["b", "c"]);
    },

    "goes on after a name that is not there": async ({ sandbox, directory, path }) => {
      for (const name of ["a", "b", "d"]) await sandbox.write(path(name), "x");
      await sandbox.remove(path("b"));
      const page = await sandbox.ls(directory, { limit: 5, after: "b" });
      expect(namesOf(page)).toEqual(["d"]);
    },

    "gives an empty page after the last name": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("a"), "x");
      expect(await sandbox.ls(directory, { limit: 5, after: "a" })).toEqual([]);
      expect(await sandbox.ls(directory, { limit: 5, after: "z" })).toEqual([]);
    },

    "goes on after a name that is not UTF-8": async ({ sandbox, directory, path }) => {
      const names = ["a", "a\udcfe", "a\udcff", "b", "\udcff"];
      for (const name of names) await sandbox.write(path(name), "x");
      expect(namesOf(await listInPages(sandbox, directory, 1))).toEqual(names);
      const page = await sandbox.ls(directory, { limit: 2, after: "a\udcfe" });
      expect(namesOf(page)).toEqual(["a\udcff", "b"]);
    },

    "neither misses nor repeats what stays while others come and go": async (bench) => {
      const { sandbox, directory, path, run } = bench;
      await run('for n in $(seq 100 199); do : > "stays-$n"; done');
      let round = 0;
      const listed = await listInPages(sandbox, directory, 7, async (page) => {
        round++;
        await sandbox.remove(path(`comes-${round - 1}`));
        await sandbox.remove(path(`zz-${round - 1}`));
        await sandbox.write(path(`comes-${round}`), "x");
        await sandbox.write(path(`zz-${round}`), "x");
        if (!page.at(-1)?.name.startsWith("stays-")) throw new Error("a page ends elsewhere");
      });
      const staying = namesOf(listed).filter((name) => name.startsWith("stays-"));
      expect(staying).toEqual(Array.from({ length: 100 }, (_, index) => `stays-${100 + index}`));
    },

    "lists the parents of workDir": async ({ sandbox }) => {
      expect(namesOf(await listInPages(sandbox, "/", 1))).toEqual(namesOf(await sandbox.ls("/")));
    },

    "refuses a limit that is out of range": async ({ sandbox, directory, rejects }) => {
      for (const limit of [0, -1, 1.5, Number.NaN, MAX_LIST_ENTRIES + 1]) {
        await rejects(sandbox.ls(directory, { limit }), "invalid-argument");
      }
    },

    "refuses an after that is no name": async ({ sandbox, directory, rejects }) => {
      for (const after of ["", ".", "..", "a/b", "/", "a\0b", "\ud800", "x".repeat(256)]) {
        await rejects(sandbox.ls(directory, { limit: 5, after }), "invalid-argument");
      }
    },

    "fails where there is no directory": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.ls(path("absent"), { limit: 5 }), "not-found");
      await rejects(sandbox.ls(path("file"), { limit: 5 }), "not-directory");
    },
  },
};
