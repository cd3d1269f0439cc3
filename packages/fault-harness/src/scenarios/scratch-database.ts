import { randomBytes } from "node:crypto";
import { Client } from "pg";

export interface ScratchDatabase extends AsyncDisposable {
  /** For `openSessionStore`. */
  url: string;
}

/** An empty database on a PostgreSQL whose user may create some; gone with this. */
export async function createScratchDatabase(serverUrl: string): Promise<ScratchDatabase> {
  const name = `carrel_faults_${randomBytes(6).toString("hex")}`;
  await queryOnce(serverUrl, `create database ${name}`);
  return {
    url: Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href,
    [Symbol.asyncDispose]: () => queryOnce(serverUrl, `drop database ${name} with (force)`),
  };
}

async function queryOnce(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
