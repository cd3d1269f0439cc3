import type { Sandbox } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { FileVersions } from "./file-versions.ts";
import { openWorkbench } from "./testing/workbench.ts";

const hashOf = (versions: FileVersions, sandbox: Sandbox, path: string, threadId = "t") =>
  versions.use({ sandbox, threadId, path }, async (file) => file.hash);

test("a file is the same one however its path is written", async () => {
  await using bench = await openWorkbench();
  const versions = new FileVersions();
  const { sandbox } = bench;

  await versions.use({ sandbox, threadId: "t", path: "./a/../b.txt" }, async (file) =>
    file.remember("h"),
  );

  expect(await hashOf(versions, sandbox, "/workspace//b.txt")).toBe("h");
  expect(await hashOf(versions, { ...sandbox }, "b.txt")).toBe("h");
  expect(await hashOf(versions, { ...sandbox, id: "other" }, "b.txt")).toBeUndefined();
  expect(await hashOf(versions, sandbox, "b.txt", "u")).toBeUndefined();
});

test("the files that were used longest ago are forgotten first", async () => {
  await using bench = await openWorkbench();
  const versions = new FileVersions();
  const remember = (path: string): Promise<void> =>
    versions.use({ sandbox: bench.sandbox, threadId: "t", path }, async (file) =>
      file.remember("h"),
    );

  await remember("first");
  await remember("kept");
  for (let index = 0; index < 9999; index++) {
    if (index === 5000) await remember("kept");
    await remember(`file-${index}`);
  }

  expect(await hashOf(versions, bench.sandbox, "first")).toBeUndefined();
  expect(await hashOf(versions, bench.sandbox, "kept")).toBe("h");
});

test("work on one file waits for the work before it, also when that fails", async () => {
  await using bench = await openWorkbench();
  const versions = new FileVersions();
  const file = { sandbox: bench.sandbox, threadId: "t", path: "a" };
  const order: string[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();

  const first = versions.use(file, async () => {
    await gate;
    order.push("first");
    throw new Error("broken");
  });
  const second = versions.use(file, async () => order.push("second"));
  const other = versions.use({ ...file, path: "b" }, async () => order.push("other"));
  await other;
  open();

  await expect(first).rejects.toThrow("broken");
  await second;
  expect(order).toEqual(["other", "first", "second"]);
});
