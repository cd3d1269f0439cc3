import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { DockerSandboxProvider } from "../docker-provider.ts";
import { expectNoLeaks } from "./leak-check.ts";

/** Resolves once so many sandboxes can be claimed. */
export async function untilWarm(provider: DockerSandboxProvider, count: number): Promise<void> {
  await vi.waitFor(() => expect(provider.warmCount).toBe(count), {
    timeout: 60_000,
    interval: 20,
  });
}

/** As {@link expectNoLeaks}, and no slot, no claim and no sign of a pool is left. */
export async function expectNoWarmLeaks(workspaceRoot: string): Promise<void> {
  await expectNoLeaks(workspaceRoot);
  for (const name of [".slots", ".claims", ".pools"]) {
    expect({ [name]: await readdir(join(workspaceRoot, name)) }).toEqual({ [name]: [] });
  }
}
