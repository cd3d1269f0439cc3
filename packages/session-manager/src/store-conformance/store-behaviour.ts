import type {
  AcquireOutcome,
  NewSession,
  OpenCeilings,
  ResidentCeilings,
  SessionStore,
} from "../session-store.ts";

/** @param openStore gives another store on the same, first empty, database at each call */
export type StoreBehaviour = (openStore: () => Promise<SessionStore>) => Promise<void>;

/** What a store promises, as sentences. */
export type StoreBehaviours = Readonly<Record<string, StoreBehaviour>>;

export const NO_CEILINGS: OpenCeilings & ResidentCeilings = {
  maxOpenSessions: Number.POSITIVE_INFINITY,
  maxOpenSessionsPerUser: Number.POSITIVE_INFINITY,
  maxResidentSandboxes: Number.POSITIVE_INFINITY,
  maxResidentSandboxesPerUser: Number.POSITIVE_INFINITY,
};

/** Longer than any test. */
export const LONG_TTL_MS = 600_000;

export function sessionOf(userId: string | null, id: string): NewSession {
  return { id, key: userId ?? id, userId, scope: userId === null ? "session" : "user" };
}

export async function openEstablished(
  store: SessionStore,
  userId: string | null,
  id: string,
): Promise<void> {
  await store.open(sessionOf(userId, id), NO_CEILINGS);
  await store.establish(id);
}

export function acquire(
  store: SessionStore,
  holder: string,
  key: string,
  userId: string | null = key,
): Promise<AcquireOutcome> {
  return store.acquire({ key, userId, holder }, NO_CEILINGS);
}

/** Let a holder die now, as a manager that does not beat any more. */
export async function die(store: SessionStore, holder: string): Promise<void> {
  await store.beat(holder, 1);
  const before = await databaseTime(store);
  while ((await databaseTime(store)) <= before + 1) await nextTurn();
}

/** The time by the store's clock, read from what it writes down. */
async function databaseTime(store: SessionStore): Promise<number> {
  const session = sessionOf(null, `clock-${crypto.randomUUID()}`);
  const opened = await store.open(session, NO_CEILINGS);
  await store.close(session.id);
  return opened.outcome === "full" ? Number.NaN : Date.parse(opened.record.createdAt);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
