import { expect } from "vitest";
import { SandboxError } from "../sandbox-error.ts";
import type { Sandbox } from "../sandbox.ts";

/** How each of several operations ended: `fulfilled`, or the code of its error. */
export async function settledCodes(operations: readonly Promise<unknown>[]): Promise<string[]> {
  const outcomes = await Promise.allSettled(operations);
  return outcomes.map((outcome) => {
    if (outcome.status === "fulfilled") return "fulfilled";
    if (SandboxError.isInstance(outcome.reason)) return outcome.reason.code;
    return `not a SandboxError: ${String(outcome.reason)}`;
  });
}

/** Change a file between contents while others read it: they must see one of them, whole. */
export async function expectWholeContents(
  sandbox: Sandbox,
  path: string,
  contents: readonly string[],
  change: (content: string) => Promise<unknown>,
): Promise<void> {
  await sandbox.write(path, contents[0]!);
  let changing = true;
  const readers = [1, 2].map(async () => {
    let rounds = 0;
    do {
      const seen = Buffer.from((await sandbox.read(path)) ?? []).toString("utf8");
      expect(contents.includes(seen), `a whole content, not ${seen.length} bytes`).toBe(true);
      rounds++;
    } while (changing);
    return rounds;
  });
  try {
    for (let round = 1; round <= 20; round++) await change(contents[round % contents.length]!);
  } finally {
    changing = false;
  }
  expect(Math.min(...(await Promise.all(readers)))).toBeGreaterThan(0);
}
