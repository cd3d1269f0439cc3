import { execFile } from "node:child_process";
import { lstat, mkdtemp, readdir, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteTree } from "../workspace/delete-tree.ts";
import { HostDirectories } from "../workspace/host-directories.ts";
import type { Claim, SlotDirectories } from "./slot-directories.ts";

const run = promisify(execFile);
const HASH = "a".repeat(64);
const CLAIM: Claim = { slotId: "0123-4567", keyHash: HASH };
const RANGE = { first: 2_000_000_000, count: 1000 };
const HOLDER = { sandboxId: "docker-a", holdsName: () => Promise.resolve(true) };
const sealKey = (): string => "sealed";
const FILL = `
import os, sys
os.chdir(sys.argv[1])
for d in range(20):
    os.makedirs(f"folder {d}/in")
    for f in range(10): open(f"folder {d}/in/{f}", "w").write("x")
os.symlink(sys.argv[3], "outside"); os.symlink(os.path.dirname(sys.argv[3]), "outside-directory")
open("tool", "w"); os.chmod("tool", 0o750); os.link("tool", "hard"); os.mkfifo("pipe")
os.mkdir("closed"); open("closed/in", "w"); os.chmod("closed", 0)
open(b"bytes-\\xff\\n", "w")
os.chdir(sys.argv[2]); os.mkdir(".local"); open(".local/tool", "w")`;

describe.runIf(process.getuid?.() === 0)(
  "The owner of what a claim moves",
  { timeout: 60_000 },
  () => {
    let root: string;
    let outside: string;
    let files: HostDirectories;
    let slots: SlotDirectories;
    let user: { workspace: string; home: string };
    let [own, ofSlot] = [0, 0];

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), "carrel-claimed-"));
      outside = await mkdtemp(join(tmpdir(), "carrel-outside-"));
      await run("touch", [join(outside, "secret")]);
      files = await HostDirectories.open(root, { range: RANGE });
      slots = files.slots;
      await slots.open();
      ofSlot = (await slots.make(CLAIM.slotId)).uid;
      own = await files.make(HASH);
      user = files.sources(HASH) as { workspace: string; home: string };
      await run("python3", ["-c", FILL, user.workspace, user.home, join(outside, "secret")]);
      await run("chown", ["-hR", `${own}:${own}`, user.workspace, user.home]);
    });
    afterEach(async () => {
      await files[Symbol.asyncDispose]();
      for (const path of [root, outside]) await deleteTree(path);
    });

    async function inventory(): Promise<string> {
      const format = String.raw`%P %y %m %n %s %l\n`;
      const places = [user.workspace, user.home];
      const { stdout } = await run("find", [...places, "-mindepth", "1", "-printf", format]);
      return stdout.split("\n").toSorted().join("\n");
    }

    async function owners(): Promise<string[]> {
      const { stdout } = await run("find", [user.workspace, user.home, "-printf", "%U:%G\n"]);
      return [...new Set(stdout.trim().split("\n"))];
    }

    async function markers(): Promise<string[]> {
      return readdir(join(root, ".uids"));
    }

    it("finish: all is the slot's, nothing outside, and the uid of before is free", async () => {
      const before = await inventory();
      const survey = (await slots.survey(HASH))!;
      await slots.take(CLAIM, sealKey);
      expect(await slots.finish(CLAIM, survey, HOLDER.holdsName)).toBe(true);
      expect(await owners()).toEqual([`${ofSlot}:${ofSlot}`]);
      expect(await inventory()).toBe(before);
      for (const path of [outside, join(outside, "secret")]) {
        expect(await lstat(path)).toMatchObject({ uid: 0, gid: 0 });
      }
      expect(await markers()).toEqual([String(ofSlot)]);
      expect(await files.check(HASH, { ...HOLDER, sandboxId: "docker-4567" })).toBe(ofSlot);
    });

    it("finish: a new user has the slot's uid", async () => {
      const claim = { ...CLAIM, keyHash: "b".repeat(64) };
      const survey = (await slots.survey(claim.keyHash))!;
      await slots.take(claim, sealKey);
      expect(await slots.finish(claim, survey, HOLDER.holdsName)).toBe(true);
      expect(await files.make(claim.keyHash)).toBe(ofSlot);
      expect((await markers()).toSorted()).toEqual([own, ofSlot].map(String).toSorted());
    });

    it("finish: files of a server in which all had one uid are the slot's, too", async () => {
      await run("chown", ["-hR", "61000:61000", user.workspace, user.home]);
      const survey = (await slots.survey(HASH))!;
      await slots.take(CLAIM, sealKey);
      await slots.finish(CLAIM, survey, HOLDER.holdsName);
      expect(await owners()).toEqual([`${ofSlot}:${ofSlot}`]);
    });

    it("survey: more than is given away in some milliseconds is not claimed", async () => {
      await run("bash", ["-c", 'mkdir "$0/many"; cd "$0/many"; touch $(seq 1800)', user.home]);
      expect(await slots.survey(HASH)).toBeNull();
    });

    it("survey: what is being given to a uid already is not claimed", async () => {
      await run("chown", ["-hR", "61000:61000", user.workspace, user.home]);
      await files.make(HASH);
      expect(await slots.survey(HASH)).toBeNull();
    });

    it("settle: goes on where entries were moved, and some of them given", async () => {
      const before = await inventory();
      await slots.take(CLAIM, sealKey);
      const slot = join(root, ".claims", `${CLAIM.slotId}.${HASH}`, "workspace");
      for (const name of ["folder 1", "folder 2", "outside"]) {
        await rename(join(user.workspace, name), join(slot, name));
      }
      await run("chown", ["-hR", `${ofSlot}:${ofSlot}`, join(slot, "folder 1")]);
      await Promise.all([1, 2, 3].map(() => slots.settle(CLAIM, HOLDER.holdsName)));
      expect(await owners()).toEqual([`${ofSlot}:${ofSlot}`]);
      expect(await inventory()).toBe(before);
    });

    it("undo: all is the key's own again, and the slot's uid is free", async () => {
      const before = await inventory();
      await slots.take(CLAIM, sealKey);
      const slot = join(root, ".claims", `${CLAIM.slotId}.${HASH}`, "workspace");
      for (const name of ["folder 1", "folder 2", "outside", "closed"]) {
        await rename(join(user.workspace, name), join(slot, name));
      }
      await run("chown", [
        "-hR",
        `${ofSlot}:${ofSlot}`,
        join(slot, "folder 1"),
        join(slot, "closed"),
      ]);
      await slots.undo(CLAIM);
      expect(await owners()).toEqual([`${own}:${own}`]);
      expect(await inventory()).toBe(before);
      expect(await markers()).toEqual([String(own)]);
    });

    it("undo: where one place was exchanged already, the next start makes both one's", async () => {
      await slots.take(CLAIM, sealKey);
      const slot = join(root, ".claims", `${CLAIM.slotId}.${HASH}`);
      await run("bash", [
        "-c",
        'mv "$0"/* "$1"; chown -hR "$2" "$1"; mv -T "$1" "$0"',
        user.workspace,
        join(slot, "workspace"),
        `${ofSlot}:${ofSlot}`,
      ]);
      await slots.undo(CLAIM);
      expect((await owners()).length).toBe(2);
      const uid = await files.check(HASH, HOLDER);
      expect(await owners()).toEqual([`${uid}:${uid}`]);
      expect(await markers()).toContain(String(uid));
    });

    it("setAside: a slot that is removed gives its uid back", async () => {
      const end = await slots.setAside(CLAIM.slotId);
      await end?.();
      expect(await markers()).toEqual([String(own)]);
    });
  },
);
