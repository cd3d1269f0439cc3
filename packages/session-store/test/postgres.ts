import { randomBytes } from "node:crypto";
import { Client } from "pg";

/** The URL of a PostgreSQL for tests, whose user may create databases; `npm test` starts one. */
const TEST_POSTGRES = process.env["CARREL_TEST_POSTGRES"] || undefined;

export const NO_POSTGRES = "CARREL_TEST_POSTGRES names no PostgreSQL";

/** Without PostgreSQL, its tests are skipped, but not where all of them are asked for. */
export const SKIPS_POSTGRES: boolean = TEST_POSTGRES === undefined && !process.env["CI"];

export interface TestDatabase extends AsyncDisposable {
  url: string;
  /** As the database's owner, around the code under test. */
  query(sql: string): Promise<unknown[]>;
}

/** An empty database, in which texts are not compared by their bytes unless they are told to. */
export async function createTestDatabase(): Promise<TestDatabase> {
  if (TEST_POSTGRES === undefined) throw new Error(NO_POSTGRES);
  const server = new URL(TEST_POSTGRES);
  const name = `carrel_test_${randomBytes(6).toString("hex")}`;
  await queryOnce(server.href, `create database ${name} ${LINGUISTIC}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  return {
    url,
    query: (sql) => queryOnce(url, sql),
    async [Symbol.asyncDispose]() {
      await queryOnce(server.href, `drop database ${name} with (force)`);
    },
  };
}

const LINGUISTIC = "encoding utf8 template template0 locale_provider icu icu_locale 'en-US'";

async function queryOnce(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
