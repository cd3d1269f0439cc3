import { execFile } from "node:child_process";
import { lstat, mkdtemp, readdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteTree } from "./delete-tree.ts";
import { HostDirectories } from "./host-directories.ts";

const run = promisify(execFile);
const HASH = "a".repeat(64);
const BEFORE = 61_000;
const RANGE = { first: 2_000_000_000, count: 1000 };
const HOLDER = { sandboxId: "docker-a", holdsName: () => Promise.resolve(true) };
const FILL = `
import os, socket, sys
os.chdir(sys.argv[1])
open("file", "w").write("x"); os.link("file", "hard"); os.chmod("file", 0o640)
open(b"bytes-\\xff\\n", "w")
os.symlink(sys.argv[3], "outside"); os.symlink(os.path.dirname(sys.argv[3]), "outside-directory")
os.mkfifo("pipe"); socket.socket(socket.AF_UNIX).bind("socket")
os.mkdir("closed"); open("closed/in", "w"); os.chmod("closed", 0)
os.mkdir("set-gid"); os.chmod("set-gid", 0o2751)
deep = int(sys.argv[4])
for _ in range(deep): os.mkdir("d"); os.chdir("d")
open("end", "w")
os.chdir(sys.argv[2]); os.mkdir(".local"); open(".local/tool", "w"); os.chmod(".local/tool", 0o755)`;

const TIMEOUT_MS = 180_000;

describe.runIf(process.getuid?.() === 0)(
  "The owner of a key's files",
  { timeout: TIMEOUT_MS },
  () => {
    let root: string;
    let outside: string;
    let files: HostDirectories;
    let places: { workspace: string; home: string };

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), "carrel-owner-"));
      outside = await mkdtemp(join(tmpdir(), "carrel-outside-"));
      await run("touch", [join(outside, "secret")]);
      await fill(0);
      files = await HostDirectories.open(root, { range: RANGE });
    });
    afterEach(async () => {
      await files[Symbol.asyncDispose]();
      for (const path of [root, outside]) await deleteTree(path);
    }, TIMEOUT_MS);

    /** What a server left in which all sandboxes had one uid. */
    async function fill(depth: number): Promise<void> {
      await using before = await HostDirectories.open(root, { shared: BEFORE });
      await before.make(HASH);
      places = before.sources(HASH) as { workspace: string; home: string };
      if (depth === 0) return;
      const { workspace, home } = places;
      await run("python3", ["-c", FILL, workspace, home, join(outside, "secret"), String(depth)]);
      await run("chown", ["-hR", `${BEFORE}:${BEFORE}`, workspace, home]);
    }

    /** Names, kinds, modes and targets of links, without owners, in an order. */
    async function inventory(): Promise<string> {
      const format = String.raw`%y %m %n %l %f\n`;
      const { stdout } = await run("find", [places.workspace, places.home, "-printf", format], {
        maxBuffer: 2 ** 26,
      });
      return stdout.split("\n").toSorted().join("\n");
    }

    async function owners(): Promise<Set<string>> {
      const find = [places.workspace, places.home, "-printf", "%U:%G\n"];
      const { stdout } = await run("find", find, { maxBuffer: 2 ** 26 });
      return new Set(stdout.trim().split("\n"));
    }

    it.each([20, 6000])(
      "take: gives away all that a server of before left, %i deep",
      async (depth) => {
        await fill(depth);
        const before = await inventory();
        const uid = await files.make(HASH);
        // Something may still run on them.
        expect(await owners()).toEqual(new Set([`${BEFORE}:${BEFORE}`]));
        expect(await files.take(HASH, HOLDER)).toBe(uid);
        expect(await owners()).toEqual(new Set([`${uid}:${uid}`]));
        expect(await inventory()).toBe(before);
        expect(await lstat(join(outside, "secret"))).toMatchObject({ uid: 0, gid: 0 });
        expect(await lstat(outside)).toMatchObject({ uid: 0, gid: 0 });
        expect((await readdir(join(root, HASH))).toSorted()).toEqual([
          "home",
          "of.docker-a",
          "workspace",
        ]);
        expect(await files.check(HASH, HOLDER)).toBe(uid);
      },
    );

    it("check: all who come at once give them to the same uid", async () => {
      await fill(3000);
      const others = await Promise.all(
        [1, 2, 3].map(() => HostDirectories.open(root, { range: RANGE })),
      );
      const uids = await Promise.all([files, ...others].map((each) => each.check(HASH, HOLDER)));
      expect(new Set(uids).size).toBe(1);
      expect(await owners()).toEqual(new Set([`${uids[0]}:${uids[0]}`]));
      expect(await readdir(join(root, ".uids"))).toEqual([String(uids[0])]);
      for (const each of others) await each[Symbol.asyncDispose]();
    });

    it("check: goes on with what was cut off, and with the same uid", async () => {
      await fill(20);
      const uid = RANGE.first + 7;
      await symlink(String(uid), join(root, HASH, "giving"));
      await run("chown", ["-h", `${uid}:${uid}`, places.workspace, join(places.workspace, "file")]);
      expect(await files.check(HASH, HOLDER)).toBe(uid);
      expect(await owners()).toEqual(new Set([`${uid}:${uid}`]));
    });

    it("check: makes two owners one", async () => {
      const uid = await files.make(HASH);
      await files.take(HASH, HOLDER);
      await run("chown", ["-hR", `${uid === RANGE.first ? uid + 1 : RANGE.first}`, places.home]);
      expect(await files.check(HASH, HOLDER)).toBe(await files.make(HASH));
      expect((await owners()).size).toBe(1);
    });

    it("check: leaves the files of a container that is kept to whom it runs as", async () => {
      await fill(20);
      await files.make(HASH);
      expect(await files.check(HASH, HOLDER, { kept: true })).toBe(BEFORE);
      expect(await owners()).toEqual(new Set([`${BEFORE}:${BEFORE}`]));
    });

    it("setAside: a uid is free again once the files are deleted, and not before", async () => {
      const uid = await files.make(HASH);
      await files.take(HASH, HOLDER);
      const end = await files.setAside(HASH, HOLDER);
      expect(await readdir(join(root, ".uids"))).toEqual([String(uid)]);
      await end();
      expect(await readdir(join(root, ".uids"))).toEqual([]);
    });

    it("release: a uid is free again if its sandbox was not made after all", async () => {
      await files.make("b".repeat(64));
      expect(await readdir(join(root, ".uids"))).toHaveLength(1);
      await files.release("b".repeat(64), "docker-b");
      expect(await readdir(join(root, ".uids"))).toEqual([]);
    });

    it("make: 40 who make one key at once agree on a uid, and leave no other", async () => {
      const key = "c".repeat(64);
      const others = await Promise.all(
        [1, 2].map(() => HostDirectories.open(root, { range: RANGE })),
      );
      const makers = Array.from({ length: 40 }, (_, index) => others[index % 2]!.make(key));
      const uids = new Set(await Promise.all(makers));
      expect(uids.size).toBe(1);
      expect(await readdir(join(root, ".uids"))).toEqual([...uids].map(String));
      for (const each of others) await each[Symbol.asyncDispose]();
    });
  },
);
