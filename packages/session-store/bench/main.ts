import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSessionStore } from "../src/index.ts";
import { measureStore } from "./measure-store.ts";

/** On SQLite in the temporary folder, and on the PostgreSQL that `CARREL_TEST_POSTGRES` names. */
const directory = await mkdtemp(join(tmpdir(), "carrel-session-store-"));
const postgres = process.env["CARREL_TEST_POSTGRES"];
try {
  await measure("SQLite", join(directory, "sessions.db"));
  if (postgres) await measure("PostgreSQL", postgres);
} finally {
  await rm(directory, { recursive: true });
}

async function measure(name: string, url: string): Promise<void> {
  await using store = await openSessionStore({ url });
  console.log(`${name}, milliseconds`);
  console.table(await measureStore(store));
}
