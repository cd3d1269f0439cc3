import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MAX_LIST_ENTRIES, SandboxError } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { createEmbeddedProvider } from "./embedded-provider.ts";
import { createTestProvider } from "./testing/test-provider.ts";

async function onlyFolder(root: string): Promise<string> {
  const names = (await readdir(root)).filter((name) => !name.startsWith("."));
  expect(names).toHaveLength(1);
  return names[0]!;
}

test("files outlive the provider, and temporary ones do not outlive a stop", async () => {
  await using subject = await createTestProvider();
  const first = await subject.provider.create("alice");
  await first.write("notes.txt", "kept");
  await first.write("/home/agent/tool", "kept too");
  await first.write("/tmp/scratch", "gone");
  await subject.provider[Symbol.asyncDispose]();

  await using again = createEmbeddedProvider({ root: subject.root });
  const second = await again.find("alice");
  expect(await second?.status()).toBe("stopped");
  await second?.resume();
  expect(second?.id).toBe(first.id);
  expect((await second?.readLines("notes.txt"))?.lines).toEqual(["kept"]);
  expect((await second?.readLines("/home/agent/tool"))?.lines).toEqual(["kept too"]);
  expect(await second?.stat("/tmp/scratch")).toBeNull();
});

test("folders are named by a hash of the key and closed to other users of the machine", async () => {
  await using subject = await createTestProvider();
  await subject.provider.create("../../etc/alice@example.org");
  const name = await onlyFolder(subject.root);
  expect(name).toMatch(/^[0-9a-f]{64}$/);
  for (const directory of ["workspace", "home", "tmp"]) {
    const { mode } = await stat(join(subject.root, name, directory));
    expect(mode & 0o777).toBe(0o700);
  }
});

test("a deletion that a crash interrupted is finished by the next provider", async () => {
  await using subject = await createTestProvider();
  await mkdir(join(subject.root, ".trash-left", "workspace"), { recursive: true });
  await writeFile(join(subject.root, ".trash-left", "workspace", "secret"), "x");
  expect(await subject.provider.list()).toEqual([]);
  expect(await readdir(subject.root)).toEqual([".lock"]);
});

test("a sandbox whose folder was deleted behind its back is gone, and can be made again", async () => {
  await using subject = await createTestProvider();
  const lost = await subject.provider.create("alice");
  await using other = createEmbeddedProvider({ root: subject.root });
  await other.remove("alice");
  expect(await lost.status()).toBe("gone");
  await expect(lost.execute("true")).rejects.toMatchObject({ code: "gone" });
  const replacement = await subject.provider.create("alice");
  expect(replacement.id).not.toBe(lost.id);
  expect(await replacement.ls(".")).toEqual([]);
});

test("a root that cannot be made is reported as unavailable, without its path", async () => {
  await using subject = await createTestProvider();
  await writeFile(join(subject.root, "file"), "");
  await using blocked = createEmbeddedProvider({ root: join(subject.root, "file", "below") });
  const error = await blocked.list().catch((reason: unknown) => reason);
  expect(SandboxError.isInstance(error) && error.code).toBe("unavailable");
  expect(String(error)).not.toContain(subject.root);
});

test("what somebody else planted in a workspace is neither followed nor waited for", async () => {
  await using subject = await createTestProvider();
  const sandbox = await subject.provider.create("alice");
  const workspace = join(subject.root, await onlyFolder(subject.root), "workspace");
  await symlink("/etc", join(workspace, "link"));
  await symlink("/etc/passwd", join(workspace, "passwd"));
  execFileSync("mkfifo", [join(workspace, "pipe")]);

  for (const path of ["link/passwd", "passwd", "pipe"]) {
    await expect(sandbox.read(path)).rejects.toMatchObject({ code: "not-regular" });
    await expect(sandbox.write(path, "x")).rejects.toMatchObject({ code: "not-regular" });
  }
  const { matches } = await sandbox.grep("root", { literal: true });
  expect(matches).toEqual([]);
  const seen = await sandbox.execute("cat link/passwd passwd; ls link");
  expect(seen.output).not.toContain("root:");
  await sandbox.remove("passwd");
  expect((await stat("/etc/passwd")).size).toBeGreaterThan(0);
});

test("a root that another process uses is refused, and one whose process is gone is taken over", async () => {
  await using subject = await createTestProvider();
  await writeFile(join(subject.root, ".lock"), "1");
  await expect(subject.provider.list()).rejects.toMatchObject({ code: "unavailable" });

  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  await writeFile(join(subject.root, ".lock"), String(pid));
  expect(await subject.provider.list()).toEqual([]);
});

test.each([
  ["half a record that a crash left", ""],
  ["a record that is something else", '{"key":1}'],
])("create: %s does not lock its user out", async (_name, text) => {
  await using subject = await createTestProvider();
  const first = await subject.provider.create("alice");
  await first.write("notes.txt", "kept");
  const folder = join(subject.root, await onlyFolder(subject.root));
  await writeFile(join(folder, "sandbox.json"), text);
  expect(await subject.provider.list()).toEqual([]);
  const second = await subject.provider.create("alice");
  expect((await second.readLines("notes.txt"))?.lines).toEqual(["kept"]);
});

test("what was half written when a process ended is deleted, and never listed", async () => {
  await using subject = await createTestProvider();
  await subject.provider.create("alice");
  await subject.provider[Symbol.asyncDispose]();
  const drafts = join(subject.root, await onlyFolder(subject.root), "drafts");
  await writeFile(join(drafts, "left"), "half");

  await using next = createEmbeddedProvider({ root: subject.root });
  const sandbox = (await next.find("alice"))!;
  await sandbox.resume();
  expect(await readdir(drafts)).toEqual([]);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writing = sandbox.write("upload", readable);
  const writer = writable.getWriter();
  await writer.write(Buffer.from("half"));
  expect(await sandbox.ls(".")).toEqual([]);
  await writer.close();
  await writing;
  expect((await sandbox.ls(".")).map(({ name }) => name)).toEqual(["upload"]);
});

test("ls: a directory that is too large to be listed whole is listed in pages", async () => {
  await using subject = await createTestProvider();
  const sandbox = await subject.provider.create("alice");
  await sandbox.mkdir("many");
  const many = join(subject.root, await onlyFolder(subject.root), "workspace", "many");
  const count = MAX_LIST_ENTRIES + 1;
  execFileSync("xargs", ["-n", "5000", "touch"], {
    cwd: many,
    input: Array.from({ length: count }, (_, index) => index + count).join("\n"),
  });
  await expect(sandbox.ls("many")).rejects.toMatchObject({ code: "too-large" });
  const names: string[] = [];
  for (;;) {
    const page = await sandbox.ls("many", { limit: 40_000, after: names.at(-1) });
    for (const { name } of page) names.push(name);
    if (page.length < 40_000) break;
  }
  expect(names).toHaveLength(count);
  expect(names.every((name, index) => name === String(index + count))).toBe(true);
}, 60_000);

test("an edit looks for the worst of texts in time", async () => {
  await using subject = await createTestProvider();
  const sandbox = await subject.provider.create("alice");
  await sandbox.write("aaa", "a".repeat(4 * 1024 * 1024));
  const worst = `ab${"a".repeat(16_000)}`;
  await expect(sandbox.edit("aaa", worst, "x")).rejects.toMatchObject({ code: "no-match" });
  await expect(sandbox.edit("aaa", `b${worst}`, "x")).rejects.toMatchObject({ code: "no-match" });
  const { replacements } = await sandbox.edit("aaa", "aa", "b", { replaceAll: true });
  expect(replacements).toBe(2 * 1024 * 1024);
}, 60_000);

test("many searches at once take turns, and each ends in its time", async () => {
  await using subject = await createTestProvider();
  const sandbox = await subject.provider.create("alice");
  await sandbox.write("a.txt", "needle\n");
  const all = await Promise.all(Array.from({ length: 40 }, () => sandbox.grep("needle")));
  expect(all.every(({ matches }) => matches.length === 1)).toBe(true);
});

test("a write that a stop and a resume overtake is whole or fails, and disturbs neither", async () => {
  await using subject = await createTestProvider();
  const sandbox = await subject.provider.create("alice");
  for (let round = 0; round < 50; round++) {
    const paths = ["a", "/tmp/b", "c"];
    const writes = Promise.allSettled(paths.map((path) => sandbox.write(path, "whole")));
    await sandbox.stop();
    await sandbox.resume();
    for (const write of await writes) {
      if (write.status === "rejected") expect(SandboxError.isInstance(write.reason)).toBe(true);
    }
    for (const { path } of await sandbox.ls(".")) {
      expect((await sandbox.readLines(path))?.lines).toEqual(["whole"]);
    }
  }
});
