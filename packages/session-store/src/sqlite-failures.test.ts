import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import { temporaryDirectory } from "../test/temporary-directory.ts";
import { openDatabase, openSessionStore } from "./index.ts";

const NO_CEILINGS = {
  maxOpenSessions: Number.POSITIVE_INFINITY,
  maxOpenSessionsPerUser: Number.POSITIVE_INFINITY,
};
const SESSION = { id: "one", key: "alice", userId: "alice", scope: "user" } as const;

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe("the file", () => {
  test("and all beside it are this user's alone, in a folder that is too", async () => {
    await using directory = await temporaryDirectory();
    const folder = join(directory.path, "made", "here");
    await using store = await openSessionStore({ url: join(folder, "sessions.db") });
    await store.open(SESSION, NO_CEILINGS);
    expect(await modeOf(folder)).toBe(0o700);
    const files = await readdir(folder);
    expect(files).toContain("sessions.db-wal");
    for (const file of files) expect(await modeOf(join(folder, file))).toBe(0o600);
  });

  test("is closed to others where it was open, while its folder stays as it is", async () => {
    await using directory = await temporaryDirectory();
    await chmod(directory.path, 0o755);
    const url = join(directory.path, "sessions.db");
    await writeFile(url, "", { mode: 0o644 });
    await using store = await openSessionStore({ url });
    expect(await store.count()).toBe(0);
    expect(await modeOf(url)).toBe(0o600);
    expect(await modeOf(directory.path)).toBe(0o755);
  });

  test("is kept by a write-ahead log that is on the disk before a commit is told", async () => {
    await using directory = await temporaryDirectory();
    await using database = await openDatabase({ url: join(directory.path, "sessions.db") });
    const pragma = async (name: string): Promise<unknown> => {
      const read = sql<Record<string, unknown>>`select * from ${sql.raw(`pragma_${name}`)}`;
      return Object.values((await database.run((kysely) => read.execute(kysely))).rows[0] ?? {})[0];
    };
    expect(await pragma("journal_mode")).toBe("wal");
    expect(await pragma("synchronous")).toBe(2);
    expect(await pragma("foreign_keys")).toBe(1);
  });
});

describe("one clear error says", () => {
  test("that a file is no database", async () => {
    await using directory = await temporaryDirectory();
    const url = join(directory.path, "sessions.db");
    await writeFile(url, "this is a text, and longer than the head of a database".repeat(100));
    await expect(openSessionStore({ url })).rejects.toMatchObject({
      name: "SandboxError",
      code: "invalid-argument",
      message: "The database of sessions is none; name another file.",
    });
  });

  test("that a folder stands there, or that a file is where a folder should be", async () => {
    await using directory = await temporaryDirectory();
    await mkdir(join(directory.path, "folder"));
    await writeFile(join(directory.path, "file"), "");
    for (const path of ["folder", "file/sessions.db"]) {
      const opening = openSessionStore({ url: join(directory.path, path) });
      await expect(opening).rejects.toMatchObject({ name: "SandboxError", code: "unavailable" });
    }
  });

  test("that options are none", async () => {
    for (const options of [{ maxConnections: 0 }, { timeoutMs: 0 }, { timeoutMs: Number.NaN }]) {
      await expect(openSessionStore({ url: "x.db", ...options })).rejects.toMatchObject({
        code: "invalid-argument",
      });
    }
  });

  test("that somebody keeps the file to himself, and afterwards all is well", async () => {
    await using directory = await temporaryDirectory();
    const url = join(directory.path, "sessions.db");
    await using store = await openSessionStore({ url, timeoutMs: 50 });
    await using other = await openDatabase({ url });
    await other.exclusively("sessions", async () => {
      await expect(store.open(SESSION, NO_CEILINGS)).rejects.toMatchObject({ code: "timeout" });
      expect(await store.get("one")).toBeNull();
    });
    expect(await store.open(SESSION, NO_CEILINGS)).toMatchObject({ outcome: "opened" });
  });

  test("that the store was closed, once what was under way is done", async () => {
    await using directory = await temporaryDirectory();
    const url = join(directory.path, "sessions.db");
    const store = await openSessionStore({ url });
    const opening = store.open(SESSION, NO_CEILINGS);
    await store[Symbol.asyncDispose]();
    expect(await opening).toMatchObject({ outcome: "opened" });
    await expect(store.get("one")).rejects.toMatchObject({ code: "unavailable" });
    await using again = await openSessionStore({ url });
    expect(await again.get("one")).toMatchObject({ id: "one" });
  });
});

/** Mounts a small disk of its own; `null` where this user may not. */
async function smallDisk(): Promise<(AsyncDisposable & { path: string }) | null> {
  const directory = await temporaryDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path], {
      stdio: "ignore",
    });
  } catch {
    // Only root may mount, and not in every container.
    await directory[Symbol.asyncDispose]();
    return null;
  }
  return {
    path: directory.path,
    async [Symbol.asyncDispose]() {
      execFileSync("umount", [directory.path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

test("a full disk refuses what is written, and nothing else, until there is room", async (context) => {
  await using disk = await smallDisk();
  if (!disk) return context.skip("this user may not mount a disk");
  await using store = await openSessionStore({ url: join(disk.path, "sessions.db") });
  await store.open(SESSION, NO_CEILINGS);
  const filler = join(disk.path, "filler");
  const filling = writeFile(filler, Buffer.alloc(2 * 1024 * 1024));
  await expect(filling).rejects.toMatchObject({ code: "ENOSPC" });
  const event = { type: "x".repeat(1000), sessionId: null, key: null, detail: {} };
  const logMuch = (): Promise<void> => store.log(Array.from({ length: 100 }, () => event));
  await expect(logMuch()).rejects.toMatchObject({ name: "SandboxError", code: "no-space" });
  expect(await store.get("one")).toMatchObject({ id: "one" });
  await rm(filler);
  await logMuch();
  expect(await store.events({ limit: 1000 })).toHaveLength(100);
});

test("a disk that cannot be written is told when the store is opened", async (context) => {
  await using disk = await smallDisk();
  if (!disk) return context.skip("this user may not mount a disk");
  const url = join(disk.path, "sessions.db");
  await (await openSessionStore({ url }))[Symbol.asyncDispose]();
  execFileSync("mount", ["-o", "remount,ro", disk.path]);
  await expect(openSessionStore({ url })).rejects.toMatchObject({
    name: "SandboxError",
    code: "permission-denied",
  });
});
