import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PoolOwner } from "./pool-owner.ts";

describe("The owner of a pool", () => {
  let parent: string;
  let root: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "carrel-owner-"));
    // Longer than the path of a socket can be.
    root = join(parent, "r".repeat(120));
    await mkdir(root, { mode: 0o700 });
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  it("lives as long as it is held", async () => {
    expect(await PoolOwner.all(root)).toEqual([]);
    const owner = await PoolOwner.begin(root, "abcd");
    expect(await PoolOwner.all(root)).toEqual([{ id: "abcd", lives: true }]);
    await owner[Symbol.asyncDispose]();
    await owner[Symbol.asyncDispose]();
    expect(await PoolOwner.all(root)).toEqual([]);
  });

  it("is known to be dead when its process was killed", async () => {
    await using _first = await PoolOwner.begin(root, "aaaa");
    const script = `process.chdir(process.argv[1]); require("net").createServer().listen("bbbb", () => console.log("listens"))`;
    const child = spawn(process.execPath, ["-e", script, join(root, ".pools")]);
    await once(child.stdout, "data");
    const both = await PoolOwner.all(root);
    expect(both.toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: "aaaa", lives: true },
      { id: "bbbb", lives: true },
    ]);
    // One that does not run is not dead.
    child.kill("SIGSTOP");
    expect(await PoolOwner.all(root)).toContainEqual({ id: "bbbb", lives: true });
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await PoolOwner.all(root)).toContainEqual({ id: "bbbb", lives: false });
    await PoolOwner.forget(root, "bbbb");
    expect(await readdir(join(root, ".pools"))).toEqual(["aaaa"]);
  });
});
