import type { SessionStore } from "@carrel/session-manager";

const OPEN_SESSIONS = 2000;
const RUNS = 500;
const USES_AT_ONCE = 100;
const TTL_MS = 600_000;
const CEILINGS = {
  maxOpenSessions: 10_000,
  maxOpenSessionsPerUser: 1000,
  maxResidentSandboxes: 10_000,
  maxResidentSandboxesPerUser: 1000,
};

export interface Measured {
  p50: string;
  p95: string;
}

/** What calls of a store take one after another, while so many sessions are open. */
export async function measureStore(store: SessionStore): Promise<Record<string, Measured>> {
  const run = crypto.randomUUID();
  const idOf = (index: number): string => `${run}-${index}`;
  const open = (index: number): Promise<unknown> => {
    const userId = `user-${index % 500}`;
    return store.open({ id: idOf(index), key: userId, userId, scope: "user" }, CEILINGS);
  };
  for (let index = 0; index < OPEN_SESSIONS; index++) await open(index);
  await store.beat(run, TTL_MS);
  const touch = (from: number): Promise<void> =>
    store.touch(
      Array.from({ length: USES_AT_ONCE }, (_, offset) => ({
        sessionId: idOf((from + offset) % OPEN_SESSIONS),
        agoMs: 0,
      })),
    );
  const measured = {
    get: await repeat((index) => store.get(idOf(index))),
    open: await repeat((index) => open(OPEN_SESSIONS + index)),
    acquire: await repeat((index) =>
      store.acquire({ key: `${run}-${index}`, userId: `user-${index}`, holder: run }, CEILINGS),
    ),
    [`touch, ${USES_AT_ONCE} at once`]: await repeat(touch),
  };
  await store.retire(run);
  for (let index = 0; index < OPEN_SESSIONS + RUNS; index++) await store.close(idOf(index));
  return measured;
}

async function repeat(call: (index: number) => Promise<unknown>): Promise<Measured> {
  const times: number[] = [];
  for (let index = 0; index < RUNS; index++) {
    const started = performance.now();
    await call(index);
    times.push(performance.now() - started);
  }
  times.sort((one, other) => one - other);
  const at = (share: number): string => (times[Math.floor(share * RUNS)] ?? Number.NaN).toFixed(3);
  return { p50: at(0.5), p95: at(0.95) };
}
