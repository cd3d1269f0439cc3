import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MemoryBudget } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { SandboxDirectory } from "./sandbox-directory.ts";
import { createTestProvider } from "./testing/test-provider.ts";

const KIBIBYTE = 1024;
const CAPACITY = { code: "capacity" };

test("memory of an embedded sandbox: counts in the budget of whoever makes it", async () => {
  await using subject = await createTestProvider();
  const memory = new MemoryBudget({ name: "The test", limitBytes: 256 * KIBIBYTE });
  const alice = await subject.provider.create("alice", { memory });
  const command = "for i in $(seq 1 600); do printf '%05000d' $i; done";
  const options = { maxOutputBytes: 8 * KIBIBYTE * KIBIBYTE };
  await expect(alice.execute(command, options)).rejects.toMatchObject(CAPACITY);

  const process = await alice.spawn(command, options);
  expect(await process.result).toMatchObject({ truncated: true });
  const reading = (async () => {
    for await (const _chunk of process.output);
  })();
  await expect(reading).rejects.toMatchObject(CAPACITY);
  expect(await alice.execute("echo works on")).toMatchObject({ stdout: "works on\n" });

  const bob = await subject.provider.create("bob");
  expect(await bob.execute(command, options)).toMatchObject({ outcome: "exited", exitCode: 0 });
});

test("memory of an embedded sandbox: counts the entries of a listing while it is made", async () => {
  await using subject = await createTestProvider();
  const memory = new MemoryBudget({ name: "The test", limitBytes: 256 * KIBIBYTE });
  const alice = await subject.provider.create("alice", { memory });
  const [workspace] = new SandboxDirectory(subject.root, "alice").mounts;
  const directory = join(workspace!.hostPath, "many");
  await mkdir(directory);
  await Promise.all(
    Array.from({ length: 2000 }, (_, index) => writeFile(join(directory, `file-${index}`), "")),
  );
  await expect(alice.ls("many")).rejects.toMatchObject(CAPACITY);
  expect(memory.usedBytes).toBe(0);
  expect(await alice.ls(".")).toHaveLength(1);
});
