import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryBudget } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { createDockerProvider } from "../docker-provider.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";

const MEBIBYTE = 1024 * 1024;
const TIMEOUT_MS = 120_000;
const WRITES_4_MIB = "head -c 4194304 /dev/zero";
const OPTIONS = { maxOutputBytes: 8 * MEBIBYTE };

describe.skipIf(!engineOrSkip())("memory of a Docker sandbox", { timeout: TIMEOUT_MS }, () => {
  it("counts in the budget of whoever makes or first finds it", async () => {
    const workspaceRoot = await mkdtemp(join(tmpdir(), "carrel-memory-"));
    const engine = testEngineOptions();
    const memory = new MemoryBudget({ name: "The test", limitBytes: MEBIBYTE });
    try {
      await using provider = await createDockerProvider({
        workspaceRoot,
        image: TEST_IMAGE,
        engine,
      });
      const made = await provider.create("alice", { memory });
      await expect(made.execute(WRITES_4_MIB, OPTIONS)).rejects.toMatchObject({ code: "capacity" });
      expect(memory.usedBytes).toBe(0);
      expect(await made.execute("echo works on")).toMatchObject({ stdout: "works on\n" });

      await using other = await createDockerProvider({ workspaceRoot, image: TEST_IMAGE, engine });
      const found = (await other.find("alice"))!;
      expect((await found.execute(WRITES_4_MIB, OPTIONS)).stdout).toHaveLength(4 * MEBIBYTE);
      await other.find("alice", { memory });
      await expect(found.execute(WRITES_4_MIB, OPTIONS)).rejects.toMatchObject({
        code: "capacity",
      });
      await provider.remove("alice");
    } finally {
      await rm(workspaceRoot, { recursive: true, force: true });
    }
  });
});
