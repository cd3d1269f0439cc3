import { execFile } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
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
const own = process.getuid?.() ?? 1000;
const uid = own === 0 ? 1000 : own;
const sealKey = (): string => "sealed";
const HOLDER = { sandboxId: "docker-a", holdsName: () => Promise.resolve(true) };

/** Names, kinds, modes, owners, sizes and targets of links of all that is below a directory. */
async function inventory(directory: string): Promise<string[]> {
  const format = String.raw`%P %y %m %U %G %s %l\0`;
  const { stdout } = await run(
    "find",
    [directory, "-mindepth", "1", "-not", "-type", "d", "-printf", format],
    { encoding: "buffer" },
  );
  return stdout.toString("latin1").split("\0").toSorted();
}

describe("The directories of slots", () => {
  let root: string;
  let files: HostDirectories;
  let slots: SlotDirectories;
  let user: { workspace: string; home: string };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "carrel-slots-"));
    files = await HostDirectories.open(root, { shared: uid });
    slots = files.slots;
    await slots.open();
    await slots.make(CLAIM.slotId);
    user = files.sources(HASH);
  });
  afterEach(async () => {
    await files[Symbol.asyncDispose]();
    await deleteTree(root);
  });

  /** 200 entries in the workspace, and awkward ones; some in the home. */
  async function fillUser(): Promise<void> {
    await files.make(HASH);
    const script = `
import os, sys
os.chdir(sys.argv[1])
for i in range(190): open(f"file-{i}", "w").write(str(i))
open(b"line\\nbreak", "w"); open(b"bytes-\\xff\\xfe", "w"); open(b".hidden", "w"); open(b" ", "w")
os.symlink("/etc/passwd", "link"); os.symlink("nowhere", "broken"); os.symlink("/etc", "directory-link")
os.mkfifo("pipe"); os.mkdir("closed", 0o700); open("closed/in", "w"); os.chmod("closed", 0)
os.mkdir("deep"); os.chdir("deep")
for _ in range(50): os.mkdir("d" * 100); os.chdir("d" * 100)
open("end", "w").write("deep")
os.chdir(sys.argv[2])
os.mkdir(".local"); open(".local/tool", "w").write("x"); os.chmod(".local/tool", 0o4755)`;
    await run("python3", ["-c", script, user.workspace, user.home]);
  }

  /** Nothing of the claim is left, and the user's files are those. */
  async function expectDone(expected: readonly string[]): Promise<void> {
    expect(await inventory(join(root, HASH))).toEqual(expected);
    expect(await readdir(join(root, ".claims"))).toEqual([]);
    expect(await readdir(join(root, ".slots"))).toEqual([]);
  }

  async function withKey(): Promise<string[]> {
    await writeFile(join(root, HASH, "key"), "sealed", { mode: 0o600 });
    const expected = await inventory(join(root, HASH));
    await rm(join(root, HASH, "key"));
    return expected;
  }

  it("become those of a key that had none", async () => {
    const { ino } = await lstat(slots.sources(CLAIM.slotId).workspace);
    expect(await slots.survey(HASH)).toEqual({ holder: null, workspace: null, home: null });
    expect(await slots.take(CLAIM, sealKey)).toBe(true);
    await slots.settle(CLAIM, HOLDER.holdsName);
    expect(await lstat(user.workspace)).toMatchObject({ ino, uid, mode: 0o40700 });
    expect(await readFile(join(root, HASH, "key"), "utf8")).toBe("sealed");
    expect(await readdir(join(root, ".claims"))).toEqual([]);
    await files.check(HASH, HOLDER);
  });

  it("take in what a user has, whatever its names, as it is", async () => {
    await fillUser();
    await chmod(user.workspace, 0o2751);
    const expected = await withKey();
    const { ino } = await lstat(slots.sources(CLAIM.slotId).workspace);
    expect((await slots.survey(HASH)) !== null).toBe(own === 0);
    await slots.take(CLAIM, sealKey);
    await slots.settle(CLAIM, HOLDER.holdsName);
    await expectDone(expected);
    expect(await lstat(user.workspace)).toMatchObject({ ino, mode: 0o42751 });
    expect(await slots.sealedKeys((keyHash) => keyHash === HASH)).toEqual(
      new Map([[HASH, "sealed"]]),
    );
  });

  it("are taken by one of many", async () => {
    const claims = ["a", "b", "c", "d"].map((digit) => ({
      slotId: CLAIM.slotId,
      keyHash: digit.repeat(64),
    }));
    const taken = await Promise.all(claims.map((claim) => slots.take(claim, sealKey)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await slots.claims()).toHaveLength(1);
    expect(await slots.setAside(CLAIM.slotId)).toBeNull();
  });

  it("can be settled by several at once, and again, also while the user works already", async () => {
    await fillUser();
    const expected = await withKey();
    await slots.take(CLAIM, sealKey);
    await Promise.all(Array.from({ length: 8 }, () => slots.settle(CLAIM, HOLDER.holdsName)));
    await writeFile(join(user.workspace, "new"), "");
    await slots.settle(CLAIM, HOLDER.holdsName);
    await rm(join(user.workspace, "new"));
    await expectDone(expected);
  });

  it("are settled with the mark of their sandbox, whoever had the files before", async () => {
    await fillUser();
    await files.take(HASH, { ...HOLDER, sandboxId: "docker-before" });
    await slots.take(CLAIM, sealKey);
    await slots.settle(CLAIM, HOLDER.holdsName);
    expect(await files.labelOfHolder(HASH)).toBe("carrel.sandbox=docker-4567");
  });

  it("move nothing for a container that has not the key's name any more", async () => {
    await fillUser();
    await files.take(HASH, HOLDER);
    const before = await inventory(join(root, HASH));
    await slots.take(CLAIM, sealKey);
    await slots.settle(CLAIM, () => Promise.resolve(false));
    expect(await inventory(join(root, HASH))).toEqual(before);
    expect(await slots.claims()).toEqual([CLAIM]);
    await slots.undo(CLAIM);
    expect(await inventory(join(root, HASH))).toEqual(before);
  });

  it("leave nothing where a claim that was finished is undone, and nothing came in", async () => {
    const survey = (await slots.survey(HASH))!;
    await slots.take(CLAIM, sealKey);
    expect(await slots.finish(CLAIM, survey, HOLDER.holdsName)).toBe(true);
    await slots.undo(CLAIM);
    expect((await readdir(root)).filter((name) => name === HASH)).toEqual([]);
  });

  it("give back a slot that was taken for a key that has a sandbox", async () => {
    await slots.take(CLAIM, sealKey);
    await slots.giveBack(CLAIM);
    expect(await slots.slots()).toEqual([CLAIM.slotId]);
    expect(await readdir(join(root, ".slots", CLAIM.slotId))).toEqual([
      "home",
      "of.docker-4567",
      "workspace",
    ]);
    expect(await slots.take(CLAIM, sealKey)).toBe(true);
  });

  it.each([0, 1, 100, 190])("bring back what was moved, of which %i entries", async (count) => {
    await fillUser();
    const expected = await inventory(join(root, HASH));
    await slots.take(CLAIM, sealKey);
    const slot = join(root, ".claims", `${CLAIM.slotId}.${HASH}`, "workspace");
    for (const name of (await readdir(user.workspace)).slice(0, count)) {
      if (name.startsWith("file")) await rename(join(user.workspace, name), join(slot, name));
    }
    await Promise.all([slots.undo(CLAIM), slots.undo(CLAIM)]);
    await expectDone(expected);
    await slots.undo(CLAIM);
  });

  it("bring it back before another container of the key starts, and before it is deleted", async () => {
    await fillUser();
    const expected = await inventory(join(root, HASH));
    await slots.take(CLAIM, sealKey);
    const slot = join(root, ".claims", `${CLAIM.slotId}.${HASH}`);
    await run("mv", [join(user.workspace, "file-1"), join(slot, "workspace")]);
    await run("mv", [join(user.home, ".local"), join(slot, "home")]);
    await files.check(HASH, HOLDER);
    expect(await inventory(join(root, HASH))).toEqual(expected);
    await run("mv", [join(user.workspace, "file-1"), join(slot, "workspace")]);
    await (
      await files.setAside(HASH, HOLDER)
    )();
    await slots.undo(CLAIM);
    expect(await readdir(join(root, ".claims"))).toEqual([]);
    expect(await files.has(HASH)).toBe(false);
  });

  it("follow no link where a user's directory was", async () => {
    await files.make(HASH);
    const outside = join(root, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "secret"), "");
    await rm(user.home, { recursive: true });
    await symlink(outside, user.home);
    expect(await slots.survey(HASH)).toBeNull();
    await slots.take(CLAIM, sealKey);
    await expect(slots.settle(CLAIM, HOLDER.holdsName)).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(await readdir(outside)).toEqual(["secret"]);
  });

  it("leave alone a key with so many entries that moving them takes longer than a new container", async () => {
    await files.make(HASH);
    const script = "import sys\nfor i in range(4001): open(f'{sys.argv[1]}/{i}', 'w')";
    await run("python3", ["-c", script, user.home]);
    expect(await slots.survey(HASH)).toBeNull();
  });

  it("refuse to be on another filesystem", async () => {
    await rm(join(root, ".claims"), { recursive: true });
    await symlink("/proc", join(root, ".claims"));
    await expect(slots.open()).rejects.toMatchObject({ code: "invalid-argument" });
  });
});
