import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { connectEngine } from "../engine/engine.ts";
import { LABELS } from "../hardening/create-body.ts";
import { testEngineOptions } from "./engine.ts";

/**
 * Whatever the installation in this directory made is gone: its containers, its processes on the
 * engine's machine, mounts of its workspaces, and what it was to delete.
 */
export async function expectNoLeaks(workspaceRoot: string): Promise<void> {
  await using engine = await connectEngine(testEngineOptions());
  const id = (await readFile(join(workspaceRoot, "installation-id"), "utf8")).trim();
  const label = [`${LABELS.install}=${id}`];
  const containers = await engine.docker.listContainers({ all: true, filters: { label } });
  expect(containers.map(({ Names }) => Names)).toEqual([]);
  expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(workspaceRoot);
  expect(await readdir(join(workspaceRoot, ".trash"))).toEqual([]);
}
