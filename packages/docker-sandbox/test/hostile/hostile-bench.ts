import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagedSandbox, SandboxErrorCode, SandboxProvider } from "@carrel/backend-protocol";
import { SandboxError } from "@carrel/backend-protocol";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { createDockerProvider } from "../../src/index.ts";
import { TEST_IMAGE, engineOrSkip } from "../../src/testing/engine.ts";
import { expectNoLeaks } from "../../src/testing/leak-check.ts";

/** Small, so that what must reach it does so soon. */
const LARGEST_FILE_BYTES = 512 * 1024 * 1024;

/** For one case: the machine may be busy with the others. */
const CASE_TIMEOUT_MS = 120_000;

/** Two users beside each other, and secrets that the first must never see. */
export interface HostileBench {
  provider: SandboxProvider;
  /** The attacker's. */
  sandbox: ManagedSandbox;
  /** The sandbox of somebody who must not notice anything. */
  neighbour: ManagedSandbox;
  /** A file of the host beside the workspaces, that holds `canary`. */
  hostFile: string;
  /** Stands in `hostFile`, in the neighbour's workspace and in this process's environment. */
  canary: string;
}

/**
 * The cases of one group of attacks. Each begins with its id, so that a report can be read against
 * the list. After the group everything that it made is gone from the engine and the host.
 */
export function describeAttacks(group: string, define: (bench: HostileBench) => void): void {
  describe.skipIf(!engineOrSkip())(group, { timeout: CASE_TIMEOUT_MS }, () => {
    const bench: Partial<HostileBench> = {};
    let root: string;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), "carrel-hostile-"));
      const canary = `canary-${randomUUID()}`;
      const hostFile = join(root, "host-secret");
      await writeFile(hostFile, canary);
      process.env.CARREL_TEST_CANARY = canary;
      const provider = await createDockerProvider({
        workspaceRoot: join(root, "workspaces"),
        image: TEST_IMAGE,
        limits: { fileBytes: LARGEST_FILE_BYTES },
      });
      const [sandbox, neighbour] = await Promise.all([
        provider.create("attacker"),
        provider.create("neighbour"),
      ]);
      await neighbour.write("secret", canary);
      Object.assign(bench, { provider, sandbox, neighbour, hostFile, canary });
    }, 120_000);

    afterAll(async () => {
      const { provider } = bench;
      if (provider !== undefined) {
        for (const { key } of await provider.list()) await provider.remove(key);
        await provider[Symbol.asyncDispose]();
      }
      delete process.env.CARREL_TEST_CANARY;
      await expectNoLeaks(join(root, "workspaces"));
      await rm(root, { recursive: true, force: true });
    }, 120_000);

    // Filled before the first case runs, and read only from within cases.
    define(bench as HostileBench);
  });
}

/** Run a script with Python in the sandbox; its output, which must come with exit code 0. */
export async function python(sandbox: ManagedSandbox, script: string): Promise<string> {
  const result = await sandbox.execute("python3 -", { stdin: script, timeoutMs: 60_000 });
  expect(result, result.output).toMatchObject({ outcome: "exited", exitCode: 0 });
  return result.stdout;
}

/** The code that an operation is refused with; fails where it is not, or with anything else. */
export async function refusal(operation: Promise<unknown>): Promise<SandboxErrorCode> {
  const error = await operation.then(
    (value) => expect.unreachable(`was not refused: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (!SandboxError.isInstance(error)) throw error;
  return error.code;
}

/** The other user's sandbox answers as if nothing happened. */
export async function expectUndisturbed({ neighbour, canary }: HostileBench): Promise<void> {
  const result = await neighbour.execute("echo $((6 * 7))", { timeoutMs: 20_000 });
  expect(result).toMatchObject({ outcome: "exited", stdout: "42\n" });
  expect(Buffer.from((await neighbour.read("secret")) ?? []).toString()).toBe(canary);
}

/** The attacker's own sandbox still does what it is asked to. */
export async function expectUsable(sandbox: ManagedSandbox): Promise<void> {
  expect(await sandbox.execute("echo usable", { timeoutMs: 20_000 })).toMatchObject({
    outcome: "exited",
    stdout: "usable\n",
  });
  await sandbox.write("still-usable", "yes");
  expect(Buffer.from((await sandbox.read("still-usable")) ?? []).toString()).toBe("yes");
}

export async function textOf(sandbox: ManagedSandbox, path: string): Promise<string | null> {
  const bytes = await sandbox.read(path);
  return bytes === null ? null : Buffer.from(bytes).toString();
}
