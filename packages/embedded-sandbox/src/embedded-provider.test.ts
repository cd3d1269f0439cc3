import { execFileSync } from "node:child_process";
import { mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { createEmbeddedProvider } from "./embedded-provider.ts";
import { createTestProvider } from "./testing/test-provider.ts";

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
  const [name] = await readdir(subject.root);
  expect(name).toMatch(/^[0-9a-f]{64}$/);
  for (const directory of ["workspace", "home", "tmp"]) {
    const { mode } = await stat(join(subject.root, name!, directory));
    expect(mode & 0o777).toBe(0o700);
  }
});

test("a deletion that a crash interrupted is finished by the next provider", async () => {
  await using subject = await createTestProvider();
  await mkdir(join(subject.root, ".trash-left", "workspace"), { recursive: true });
  await writeFile(join(subject.root, ".trash-left", "workspace", "secret"), "x");
  expect(await subject.provider.list()).toEqual([]);
  expect(await readdir(subject.root)).toEqual([]);
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
  const [name] = await readdir(subject.root);
  const workspace = join(subject.root, name!, "workspace");
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
