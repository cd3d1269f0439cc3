import { mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, release, totalmem } from "node:os";
import { MemorySessionStore, SessionManager } from "../src/index.ts";
import { FakeProvider } from "../test/fake-provider.ts";

/**
 * What the manager adds to a call: `npm run bench`. The sandboxes are fakes that cost nothing, so
 * that what is measured is the manager alone. The table goes to the terminal, and to
 * `test-results/bench.json`.
 */
const RESULTS = new URL("../test-results/", import.meta.url);
const ROUNDS = 20_000;
const WARM_UP_ROUNDS = 2000;
const OPEN_SESSIONS = 2000;

interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

async function measure(work: () => Promise<unknown>): Promise<Percentiles> {
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await work();
  const times = new Float64Array(ROUNDS);
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    await work();
    times[round] = performance.now() - startedAt;
  }
  times.sort();
  const at = (share: number): number => times[Math.floor(share * ROUNDS)] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

const provider = new FakeProvider();
await using store = new MemorySessionStore();
await using manager = new SessionManager({ provider, store, backgroundWork: "ignored" });
const bare = await provider.create("bare");
const sandbox = await manager.getOrCreate("alice");

const cases: Record<string, () => Promise<unknown>> = {
  "getOrCreate of a live session": () => manager.getOrCreate("alice"),
  "getSession of a live session": () => manager.getSession("alice"),
  "a call, by the session": () => sandbox.execute("true"),
  "a call, by the sandbox": () => bare.execute("true"),
};

async function measureAll(): Promise<Record<string, Percentiles>> {
  const measured: Record<string, Percentiles> = {};
  for (const [name, work] of Object.entries(cases)) measured[name] = await measure(work);
  return measured;
}

const alone = await measureAll();
for (let batch = 0; batch < OPEN_SESSIONS; batch += 100) {
  const users = Array.from({ length: 100 }, (_, index) => `user-${batch + index}`);
  await Promise.all(users.map((user) => manager.getOrCreate(user)));
  await manager.cleanupIdle(0);
}
await manager.getOrCreate("alice");
const crowded = await measureAll();

const rows = Object.keys(cases).flatMap((name) => {
  const [before, after] = [alone[name], crowded[name]];
  return before && after
    ? [{ name, alone: before, crowded: after, ratio: after.p50 / before.p50 }]
    : [];
});
console.table(
  rows.map(({ name, alone: before, crowded: after, ratio }) => ({
    "times in µs": name,
    p50: (before.p50 * 1000).toFixed(1),
    p95: (before.p95 * 1000).toFixed(1),
    p99: (before.p99 * 1000).toFixed(1),
    [`p50 with ${OPEN_SESSIONS} open`]: (after.p50 * 1000).toFixed(1),
    [`p95 with ${OPEN_SESSIONS} open`]: (after.p95 * 1000).toFixed(1),
    [`p99 with ${OPEN_SESSIONS} open`]: (after.p99 * 1000).toFixed(1),
    ratio: ratio.toFixed(2),
  })),
);
const machine = { cores: cpus().length, memoryBytes: totalmem(), kernel: release(), arch: arch() };
await mkdir(RESULTS, { recursive: true });
await writeFile(new URL("bench.json", RESULTS), `${JSON.stringify({ machine, rows }, null, 2)}\n`);
