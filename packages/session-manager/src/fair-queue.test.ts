import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.ts";
import type { Turn } from "./fair-queue.ts";

const { signal: never } = new AbortController();

/** Enters, and writes down when its turn came. */
function enter(queue: FairQueue, share: string, order: string[]): Turn {
  const turn = queue.enter(share, never);
  void turn.admitted.then(() => order.push(share));
  return turn;
}

test("FairQueue: users take turns, however many wait for one of them", async () => {
  const queue = new FairQueue({ maxAtOnce: 1, maxAtOncePerUser: 1 });
  const order: string[] = [];
  const turns = ["a", "a", "a", "a", "b", "b", "c"].map((share) => enter(queue, share, order));
  for (const turn of [0, 4, 6, 1, 5, 2, 3].map((index) => turns[index]!)) {
    await turn.admitted;
    expect(turn.leave()).toBe(true);
  }
  expect(order).toEqual(["a", "b", "c", "a", "b", "a", "a"]);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("FairQueue: one user leaves places free for others, also while nobody else waits", async () => {
  const queue = new FairQueue({ maxAtOnce: 4, maxAtOncePerUser: 2 });
  const many = Array.from({ length: 60 }, () => queue.enter("mallory", never));
  expect([queue.running, queue.waiting]).toEqual([2, 58]);
  expect(queue.isBusyFor("mallory")).toBe(true);
  const newcomers = ["alice", "bob"].map((share) => queue.enter(share, never));
  expect(newcomers.map(({ queued }) => queued)).toEqual([false, false]);
  const third = queue.enter("carol", never);
  expect(third.queued).toBe(true);
  many[0]!.leave();
  await third.admitted;
  expect(queue.waitingOf("mallory")).toBe(58);
  newcomers[0]!.leave();
  await many[2]!.admitted;
  expect([queue.running, queue.waiting]).toEqual([4, 57]);
});

test("FairQueue: who had a turn before comes before others of the same user, and not before other users", async () => {
  const queue = new FairQueue({ maxAtOnce: 1, maxAtOncePerUser: 1 });
  const order: string[] = [];
  const first = enter(queue, "a", []);
  const [waiting, other] = [enter(queue, "a", order), enter(queue, "b", order)];
  const back = queue.enter("a", never, { returns: true });
  void back.admitted.then(() => order.push("a again"));
  for (const turn of [first, other, back, waiting]) {
    await turn.admitted;
    turn.leave();
  }
  await waiting.admitted;
  expect(order).toEqual(["b", "a again", "a"]);
});

test("FairQueue: who gives up leaves nothing behind, and a turn is ended once", async () => {
  const queue = new FairQueue({ maxAtOnce: 1, maxAtOncePerUser: 1 });
  const controller = new AbortController();
  const running = queue.enter("a", never);
  const reason = new Error("on purpose");
  const waiting = ["a", "b", "c"].map((share) => queue.enter(share, controller.signal));
  controller.abort(reason);
  for (const turn of waiting) await expect(turn.admitted).rejects.toBe(reason);
  const late = queue.enter("b", controller.signal);
  await expect(late.admitted).rejects.toBe(reason);
  expect(queue.waiting).toBe(0);
  expect([running.leave(), running.leave(), late.leave()]).toEqual([true, false, false]);
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
  const next = queue.enter("b", never);
  expect(next.queued).toBe(false);
});
