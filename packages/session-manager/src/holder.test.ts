import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { breakable } from "../test/store-doubles.ts";
import { ManualClock } from "../test/test-manager.ts";
import { Deadline } from "./deadline.ts";
import { Holder } from "./holder.ts";
import { MemorySessionStore } from "./memory-session-store.ts";

function open() {
  const clock = new ManualClock();
  const store = breakable(new MemorySessionStore({ now: () => 1e12 + clock.now() }));
  const failures: unknown[] = [];
  const beats: number[] = [];
  const holder = new Holder({
    store: store.store,
    clock,
    holderTtlMs: 30_000,
    onBeat: () => void beats.push(clock.now()),
    onFailure: (error) => failures.push(error),
  });
  const deadline = new Deadline({ timeoutMs: 10_000, failure: "It did not beat" });
  onTestFinished(() => deadline[Symbol.dispose]());
  return { clock, store, failures, beats, holder, deadline };
}

test("beats from when it is first needed, three times in its time to live", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { holder, clock, store, beats, deadline } = open();
  expect(holder.alive).toBe(false);
  await Promise.all([holder.ensureAlive(deadline), holder.ensureAlive(deadline)]);
  expect(store.calls).toEqual(["beat"]);
  for (let beat = 0; beat < 10; beat++) {
    clock.advance(10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(holder.alive).toBe(true);
  }
  expect(holder.epoch).toBe(1);
  expect(beats).toHaveLength(10);
  await holder.retire();
  expect(holder.alive).toBe(false);
  expect(store.calls.at(-1)).toBe("retire");
});

test("does not believe to live when its beats failed for so long, and then begins anew", async () => {
  const { holder, clock, store, deadline } = open();
  await holder.ensureAlive(deadline);
  store.state = "down";
  clock.advance(29_999);
  expect(holder.alive).toBe(true);
  clock.advance(1);
  expect(holder.alive).toBe(false);
  await expect(holder.ensureAlive(deadline)).rejects.toMatchObject({ code: "unavailable" });
  store.state = "up";
  await holder.ensureAlive(deadline);
  expect([holder.alive, holder.epoch]).toEqual([true, 2]);
  await holder.retire();
});

test("begins anew also where the store's word of that got lost", async () => {
  const { holder, clock, store, deadline } = open();
  await holder.ensureAlive(deadline);
  clock.advance(30_000);
  store.state = "answers-lost";
  await expect(holder.ensureAlive(deadline)).rejects.toMatchObject({ code: "unavailable" });
  store.state = "up";
  await holder.ensureAlive(deadline);
  expect([holder.alive, holder.epoch]).toEqual([true, 2]);
  await holder.retire();
});

test("a manager in use does not keep the process alive", async () => {
  const source = JSON.stringify(new URL("./index.ts", import.meta.url).href);
  const fake = JSON.stringify(new URL("../test/fake-provider.ts", import.meta.url).href);
  const script = `
    const { SessionManager } = await import(${source});
    const { FakeProvider } = await import(${fake});
    const manager = new SessionManager({ provider: new FakeProvider() });
    manager.startCleanupLoop();
    await manager.recover();
    await (await manager.getOrCreate("alice")).execute("true");
  `;
  // Rejects where the process does not end by itself in time.
  await promisify(execFile)(
    process.execPath,
    ["--conditions=@carrel/source", "--input-type=module", "--eval", script],
    { timeout: 20_000 },
  );
});
