import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { Installation } from "../container/installation.ts";
import { connectEngine } from "../engine/engine.ts";
import { LABELS } from "../hardening/create-body.ts";
import { testEngineOptions } from "./engine.ts";

/**
 * Whatever the installation in this directory made is gone: its containers, mounts of its
 * workspaces, and what it was to delete.
 */
export async function expectNoLeaks(workspaceRoot: string): Promise<void> {
  const id = await readFile(join(workspaceRoot, "installation-id"), "utf8");
  await expectNoneOnEngine(id.trim());
  expect(await readFile("/proc/self/mountinfo", "utf8")).not.toContain(workspaceRoot);
  expect(await readdir(join(workspaceRoot, ".trash"))).toEqual([]);
}

/** The installation has neither containers nor volumes on the engine. */
async function expectNoneOnEngine(installationId: string): Promise<void> {
  await using engine = await connectEngine(testEngineOptions());
  const label = [`${LABELS.install}=${new Installation(installationId).label}`];
  const containers = await engine.docker.listContainers({ all: true, filters: { label } });
  expect(containers.map(({ Names }) => Names)).toEqual([]);
  const { Volumes: volumes } = await engine.docker.listVolumes({ filters: { label } });
  expect((volumes ?? []).map(({ Name }) => Name)).toEqual([]);
}
