import type { SessionStore } from "@carrel/session-manager";
import { sql } from "kysely";
import { describe, expect, test, vi } from "vitest";
import { createPostgresProxy } from "../test/postgres-proxy.ts";
import type { PostgresProxy } from "../test/postgres-proxy.ts";
import { createTestDatabase, NO_POSTGRES, SKIPS_POSTGRES } from "../test/postgres.ts";
import type { TestDatabase } from "../test/postgres.ts";
import { createSessionStore, openDatabase, openSessionStore } from "./index.ts";
import type { Database, DatabaseOptions } from "./index.ts";

const UNAVAILABLE = { name: "SandboxError", code: "unavailable" };
const TERMINATE_ALL = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`;

interface Bench extends AsyncDisposable {
  server: TestDatabase;
  proxy: PostgresProxy;
  database: Database;
  store: SessionStore;
}

async function createBench(options: Partial<DatabaseOptions> = {}): Promise<Bench> {
  await using opened = new AsyncDisposableStack();
  const server = opened.use(await createTestDatabase());
  const proxy = opened.use(await createPostgresProxy(server.url));
  const database = opened.use(await openDatabase({ url: proxy.url, ...options }));
  const store = await createSessionStore(database);
  const all = opened.move();
  return { server, proxy, database, store, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

function sleepOnServer(database: Database, seconds: number): Promise<unknown> {
  return database.run((kysely) => sql`select pg_sleep(${seconds})`.execute(kysely));
}

/** Resolves once the server runs what the store asked for. */
function untilActive(server: TestDatabase): Promise<unknown> {
  return vi.waitFor(async () => {
    const active = await server.query(
      "select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'",
    );
    expect(active).not.toEqual([]);
  });
}

describe.skipIf(SKIPS_POSTGRES)(SKIPS_POSTGRES ? `skipped: ${NO_POSTGRES}` : "PostgreSQL", () => {
  test("a call whose connection the server ends is unavailable, and the next one works", async () => {
    await using bench = await createBench();
    const { server, database, store } = bench;
    const sleeping = expect(sleepOnServer(database, 60)).rejects.toMatchObject(UNAVAILABLE);
    await untilActive(server);
    await server.query(TERMINATE_ALL);
    await sleeping;
    expect(await store.count()).toBe(0);
  });

  test("a call whose connection breaks is unavailable, and the next one works", async () => {
    await using bench = await createBench();
    const { server, proxy, database, store } = bench;
    const sleeping = expect(sleepOnServer(database, 60)).rejects.toMatchObject(UNAVAILABLE);
    await untilActive(server);
    proxy.cut();
    await sleeping;
    expect(await store.count()).toBe(0);
  });

  test("connections that broke while nobody used them are not used", async () => {
    await using bench = await createBench({ maxConnections: 4 });
    const { server, store } = bench;
    await Promise.all([store.count(), store.count(), store.count(), store.count()]);
    await server.query(TERMINATE_ALL);
    // Those that the store did not see break yet may fail one call each.
    await vi.waitFor(async () => expect(await store.count()).toBe(0));
    expect(await Promise.all([store.count(), store.count(), store.count()])).toEqual([0, 0, 0]);
  });

  test("while the server is away calls are unavailable, and afterwards they work", async () => {
    await using bench = await createBench();
    const { proxy, store } = bench;
    await store.beat("me", 600_000);
    await proxy.goDown();
    await vi.waitFor(() => expect(store.count()).rejects.toMatchObject(UNAVAILABLE));
    await expect(store.beat("me", 600_000)).rejects.toMatchObject(UNAVAILABLE);
    await proxy.comeUp();
    expect(await store.beat("me", 600_000)).toBe(true);
  });

  test("a call without any answer ends, and its connection is not used again", async () => {
    await using bench = await createBench({ timeoutMs: 2000, maxConnections: 1 });
    const { proxy, store } = bench;
    expect(await store.count()).toBe(0);
    proxy.swallow();
    await expect(store.count()).rejects.toMatchObject(UNAVAILABLE);
    expect(await store.count()).toBe(0);
    proxy.swallow();
    await expect(store.beat("me", 600_000)).rejects.toMatchObject(UNAVAILABLE);
    expect(await store.beat("me", 600_000)).toBe(false);
  });

  test("a statement that takes too long is stopped on the server", async () => {
    await using bench = await createBench({ timeoutMs: 2000 });
    const { server, database, store } = bench;
    await expect(sleepOnServer(database, 60)).rejects.toMatchObject({ code: "timeout" });
    const running = await server.query(
      "select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'",
    );
    expect(running).toEqual([]);
    expect(await store.count()).toBe(0);
  });

  test("all connections taken is an error after the deadline, and no endless wait", async () => {
    await using bench = await createBench({ timeoutMs: 2000, maxConnections: 1 });
    const { database, store } = bench;
    await database
      .exclusively("events", async () => {
        await expect(store.count()).rejects.toMatchObject(UNAVAILABLE);
      })
      .catch(() => {
        // Its connection was idle for as long, so that the server may have ended it.
      });
    expect(await store.count()).toBe(0);
  });

  test("a process that stands still in a transaction does not stop all others", async () => {
    await using bench = await createBench();
    const { store } = bench;
    await using stalled = await openDatabase({ url: bench.server.url, timeoutMs: 2000 });
    const { promise: isInside, resolve: enter } = Promise.withResolvers<void>();
    const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>();
    const inTransaction = stalled.exclusively("sessions", async (transaction) => {
      enter();
      await goesOn;
      await sql`select 1`.execute(transaction);
    });
    const ended = expect(inTransaction).rejects.toMatchObject(UNAVAILABLE);
    await isInside;
    expect(await store.beat("me", 600_000)).toBe(false);
    goOn();
    await ended;
  });
});

describe("one clear error says", () => {
  test("that nobody answers", async () => {
    const opening = openSessionStore({ url: "postgres://me:hunter2@127.0.0.1:1/db" });
    await expect(opening).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.not.stringContaining("hunter2"),
    });
  });

  test.skipIf(SKIPS_POSTGRES)("that there is no such database", async () => {
    await using server = await createTestDatabase();
    const url = Object.assign(new URL(server.url), { pathname: "/nothing-here" }).href;
    await expect(openSessionStore({ url })).rejects.toMatchObject({ code: "invalid-argument" });
  });
});
