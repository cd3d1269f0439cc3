import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openSessionStore } from "@carrel/session-store";
import { directoryOf } from "../engine/engine-view.ts";
import type { TestBed } from "./test-bed.ts";

/**
 * What stands on the engine or the disk and belongs to nobody: a container without a user beyond
 * those that are kept warm, one that runs though no session of its key is open, and half-done work
 * of a dead process in the directory of all workspaces.
 */
export async function findOrphans(bed: TestBed, warm: number): Promise<string[]> {
  await using store = await openSessionStore({ url: bed.databaseUrl });
  const containers = await bed.view.containers();
  const orphans: string[] = [];
  const anonymous = containers.filter(({ key }) => key === null);
  if (anonymous.length > warm) orphans.push(...anonymous.map(({ name }) => `container ${name}`));
  for (const { key, name, state } of containers) {
    if (key === null || state === "exited" || state === "created") continue;
    const sessions = await store.list({ key, limit: 1 });
    if (sessions.length === 0) orphans.push(`container ${name} (${state}, no session)`);
  }
  return [...orphans, ...(await strayDirectories(bed, warm))];
}

async function strayDirectories(bed: TestBed, warm: number): Promise<string[]> {
  const inside = async (name: string): Promise<string[]> => {
    const names = await readdir(join(bed.workspaceRoot, name)).catch(() => []);
    return names.map((each) => `${name}/${each}`);
  };
  const slots = await inside(".slots");
  const known = new Set(bed.keys.map((key) => directoryOf(bed.workspaceRoot, key)));
  const users = await readdir(bed.workspaceRoot);
  return [
    ...(slots.length > warm ? slots : []),
    ...(await inside(".claims")),
    ...(await inside(".trash")),
    ...users.filter((name) => /^[0-9a-f]{64}$/.test(name) && !known.has(name)),
  ];
}
