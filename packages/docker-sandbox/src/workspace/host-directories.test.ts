import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Holder } from "./file-store.ts";
import { takeOut } from "./key-directory.ts";
import { HostDirectories } from "./host-directories.ts";

const run = promisify(execFile);
const HASH = "a".repeat(64);
const own = process.getuid?.() ?? 1000;
/** Only root can give files to somebody else. */
const uid = own === 0 ? 1000 : own;

/** A sandbox that has the key, as far as the engine knows. */
const holder = (sandboxId: string): Holder => ({
  sandboxId,
  holdsName: () => Promise.resolve(true),
});
const ALICE = holder("docker-a");

describe("The directories of users on the host", () => {
  let outside: string;
  let root: string;

  beforeEach(async () => {
    outside = await mkdtemp(join(tmpdir(), "carrel-directories-"));
    root = join(outside, "users");
  });
  afterEach(() => rm(outside, { recursive: true, force: true }));

  it("belong to the sandboxes' user, in directories that only this process enters", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.make(HASH);
    const { workspace, home } = files.sources(HASH);
    for (const path of [root, join(root, HASH)]) {
      expect(await lstat(path)).toMatchObject({ uid: own, mode: 0o40700 });
    }
    for (const path of [workspace, home]) {
      expect(await lstat(path)).toMatchObject({ uid, gid: uid, mode: 0o40700 });
    }
    expect([await files.has(HASH), await files.has("b".repeat(64))]).toEqual([true, false]);
  });

  it("are taken as they are where they are there already", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.make(HASH);
    const { workspace } = files.sources(HASH);
    await writeFile(join(workspace, "file"), "kept");
    await chmod(workspace, 0o750);
    await files.check(HASH, ALICE);
    expect(await readdir(workspace)).toEqual(["file"]);
  });

  it("have one installation, whoever asks first", async () => {
    await using first = await HostDirectories.open(root, { shared: uid });
    await using second = await HostDirectories.open(root, { shared: uid });
    const asked = [first, second, first, second].map((files) => files.installationId(undefined));
    const [id, ...others] = await Promise.all(asked);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(others)).toEqual(new Set([id]));
    expect((await readdir(root)).toSorted()).toEqual([".trash", "hosts", "installation-id"]);
    expect(await first.installationId(id)).toBe(id);
    await expect(first.installationId("another-installation")).rejects.toMatchObject({
      code: "invalid-argument",
    });
  });

  it("open: a root that is there is closed to others, and stays as it is for its group", async () => {
    await mkdir(root);
    for (const [before, after] of [
      [0o755, 0o750],
      [0o711, 0o710],
      [0o700, 0o700],
    ] as const) {
      await chmod(root, before);
      await using _files = await HostDirectories.open(root, { shared: uid });
      expect((await lstat(root)).mode & 0o7777).toBe(after);
    }
  });

  it("refuse a root that others could change", async () => {
    await mkdir(root);
    await chmod(root, 0o777);
    await expect(HostDirectories.open(root, { shared: uid })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    await chmod(root, 0o700);
    const path = join(outside, "link");
    await symlink(root, path);
    await expect(HostDirectories.open(path, { shared: uid })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    await expect(HostDirectories.open("users", { shared: uid })).rejects.toMatchObject({
      code: "invalid-argument",
    });
    const file = join(outside, "file");
    await writeFile(file, "");
    await expect(HostDirectories.open(file, { shared: uid })).rejects.toMatchObject({
      code: "invalid-argument",
    });
  });

  it.runIf(own === 0)("refuse a root of somebody else's", async () => {
    await mkdir(root);
    await chown(root, 1000, 1000);
    await expect(HostDirectories.open(root, { shared: 1000 })).rejects.toMatchObject({
      code: "invalid-argument",
    });
  });

  it("refuse a link where the engine would mount", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.make(HASH);
    const { workspace } = files.sources(HASH);
    await rm(workspace, { recursive: true });
    await symlink("/etc", workspace);
    const refusal = await files.check(HASH, ALICE).then(
      () => expect.unreachable(),
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ code: "unavailable" });
    expect((refusal as Error).message).not.toContain(root);
    await rm(join(root, HASH), { recursive: true });
    await symlink("/etc", join(root, HASH));
    await expect(files.check(HASH, ALICE)).rejects.toMatchObject({ code: "invalid-argument" });
  });

  it.runIf(own === 0)("refuse files of another user than sandboxes run as", async () => {
    await using before = await HostDirectories.open(root, { shared: 1000 });
    await before.make(HASH);
    await using after = await HostDirectories.open(root, { shared: 1001 });
    await expect(after.check(HASH, ALICE)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("are out of the way at once, and then deleted, however deep", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.make(HASH);
    const { workspace } = files.sources(HASH);
    const deep = `import os
os.chdir(${JSON.stringify(workspace)})
for _ in range(3000): os.mkdir("d" * 200); os.chdir("d" * 200)
os.symlink("/etc", "link")`;
    await run("python3", ["-c", deep]);
    const discard = await files.setAside(HASH, ALICE);
    expect(await files.has(HASH)).toBe(false);
    await files.make(HASH);
    await writeFile(join(workspace, "new"), "");
    await discard();
    expect(await readdir(join(root, ".trash"))).toEqual([]);
    expect(await readdir(workspace)).toEqual(["new"]);
    expect((await lstat("/etc/passwd")).isFile()).toBe(true);
  });

  it("need not be there to be deleted", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await (
      await files.setAside(HASH, ALICE)
    )();
  });

  it("are not taken away from a sandbox by one that had them before", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.take(HASH, ALICE);
    const { workspace } = files.sources(HASH);
    await writeFile(join(workspace, "file"), "");
    expect(await files.labelOfHolder(HASH)).toBe("carrel.sandbox=docker-a");
    await files.take(HASH, holder("docker-b"));
    expect(await files.labelOfHolder(HASH)).toBe("carrel.sandbox=docker-b");
    const late = { sandboxId: "docker-a", holdsName: () => Promise.resolve(false) };
    await (
      await files.setAside(HASH, late)
    )();
    await expect(files.check(HASH, late)).rejects.toMatchObject({ code: "gone" });
    expect(await readdir(workspace)).toEqual(["file"]);
    // One that looked, and then slept for long.
    await takeOut(join(root, HASH), "docker-a", join(root, ".trash"));
    expect(await readdir(workspace)).toEqual(["file"]);
    expect(await readdir(join(root, ".trash"))).toEqual([]);
  });

  it("go where it was begun and cut off", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.take(HASH, ALICE);
    await rename(files.sources(HASH).workspace, join(root, ".trash", "half"));
    await (
      await files.setAside(HASH, ALICE)
    )();
    expect([await files.has(HASH), await readdir(join(root, ".trash"))]).toEqual([false, ["half"]]);
    await files.take(HASH, holder("docker-b"));
    expect(await readdir(join(root, HASH))).toEqual(["home", "of.docker-b", "workspace"]);
  });

  it("are made by many at once, also while they are deleted", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    for (let round = 0; round < 20; round++) {
      const makers = Array.from({ length: 8 }, () => files.make(HASH));
      const [discard] = await Promise.all([files.setAside(HASH, ALICE), ...makers]);
      await discard();
    }
    await files.take(HASH, ALICE);
    expect(await lstat(files.sources(HASH).workspace)).toMatchObject({ uid });
  });

  it("are not made where a sandbox had some that are gone", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.installationId(undefined);
    await files.take(HASH, ALICE);
    await rm(join(root, HASH), { recursive: true });
    await expect(files.check(HASH, ALICE)).rejects.toMatchObject({ code: "unavailable" });
    expect(await files.has(HASH)).toBe(false);
    await rename(root, `${root}-moved`);
    await symlink(`${root}-moved`, root);
    const refusal = { code: "unavailable", message: expect.stringMatching(/no link/) };
    await expect(files.make(HASH)).rejects.toMatchObject(refusal);
    await rm(root);
    await mkdir(root, { mode: 0o700 });
    await expect(files.make(HASH)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("go again where nothing came into them", async () => {
    await using files = await HostDirectories.open(root, { shared: uid });
    await files.make(HASH);
    await files.release(HASH, "docker-b");
    expect(await readdir(root)).toEqual([".trash", "hosts"]);
    await files.take(HASH, ALICE);
    await writeFile(join(files.sources(HASH).workspace, "file"), "");
    for (const id of ["docker-b", "docker-a"]) await files.release(HASH, id);
    expect(await readdir(files.sources(HASH).workspace)).toEqual(["file"]);
  });

  it("are not made in places that are none", async () => {
    await expect(
      HostDirectories.open("/proc/none/workspaces", { shared: uid }),
    ).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/ENOENT/),
    });
  });

  it("that a crash left behind half deleted go at the next start", async () => {
    {
      await using files = await HostDirectories.open(root, { shared: uid });
      await files.make(HASH);
      await files.setAside(HASH, ALICE);
      expect(await readdir(join(root, ".trash"))).toHaveLength(1);
    }
    await using files = await HostDirectories.open(root, { shared: uid });
    await vi.waitFor(async () => expect(await readdir(join(root, ".trash"))).toEqual([]));
    expect(await files.has(HASH)).toBe(false);
  });
});
