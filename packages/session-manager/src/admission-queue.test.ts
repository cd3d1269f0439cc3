import { expect, test } from "vitest";
import { AdmissionQueue } from "./admission-queue.ts";

const { signal: never } = new AbortController();

test("expects a longer wait the more wait already and the longer starts took", async () => {
  const queue = new AdmissionQueue({
    maxConcurrentStarts: 1,
    maxConcurrentStartsPerUser: 1,
    maxQueuedStarts: 10,
    maxStartsPerUser: 10,
  });
  const first = queue.enter(never, null);
  const before = queue.expectedWaitMs;
  const waiting = [queue.enter(never, null), queue.enter(never, null)];
  expect(queue.expectedWaitMs).toBeGreaterThan(before);
  expect(queue.waiting).toBe(2);
  for (const place of [first, ...waiting]) {
    await place.admitted;
    place[Symbol.dispose]();
  }
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("a place that is left twice is one place, and one left before its turn leaves no gap", async () => {
  const queue = new AdmissionQueue({
    maxConcurrentStarts: 1,
    maxConcurrentStartsPerUser: 1,
    maxQueuedStarts: 10,
    maxStartsPerUser: 10,
  });
  const [first, second, third] = [
    queue.enter(never, null),
    queue.enter(never, null),
    queue.enter(never, null),
  ];
  second[Symbol.dispose]();
  second[Symbol.dispose]();
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await third.admitted;
  expect(queue.running).toBe(1);
  third[Symbol.dispose]();
  expect(queue.running).toBe(0);
});

test("who gave up waiting hears so, and who gave up after its turn passes it on", async () => {
  const queue = new AdmissionQueue({
    maxConcurrentStarts: 1,
    maxConcurrentStartsPerUser: 1,
    maxQueuedStarts: 10,
    maxStartsPerUser: 10,
  });
  const controller = new AbortController();
  const first = queue.enter(never, null);
  const turn = queue.enter(controller.signal, null);
  const waiting = queue.enter(controller.signal, null);
  const last = queue.enter(never, null);
  first[Symbol.dispose]();
  const reason = new Error("on purpose");
  controller.abort(reason);
  await turn.admitted;
  await expect(waiting.admitted).rejects.toBe(reason);
  expect(queue.waiting).toBe(1);
  turn[Symbol.dispose]();
  await last.admitted;
});

test("who steps aside lets the next go on, and comes back before those who wait", async () => {
  const queue = new AdmissionQueue({
    maxConcurrentStarts: 1,
    maxConcurrentStartsPerUser: 1,
    maxQueuedStarts: 3,
    maxStartsPerUser: 10,
  });
  const [first, second, third] = [
    queue.enter(never, null),
    queue.enter(never, null),
    queue.enter(never, null),
  ];
  first.stepAside();
  await second.admitted;
  expect([queue.running, queue.waiting]).toEqual([1, 2]);
  const order: string[] = [];
  const back = first.comeBack().then(() => order.push("first"));
  const last = third.admitted.then(() => order.push("third"));
  second[Symbol.dispose]();
  await back;
  expect(queue.running).toBe(1);
  first[Symbol.dispose]();
  await last;
  expect(order).toEqual(["first", "third"]);
  third[Symbol.dispose]();
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("who stepped aside keeps nobody from waiting, and may leave from there", async () => {
  const queue = new AdmissionQueue({
    maxConcurrentStarts: 1,
    maxConcurrentStartsPerUser: 1,
    maxQueuedStarts: 1,
    maxStartsPerUser: 10,
  });
  const controller = new AbortController();
  const first = queue.enter(controller.signal, null);
  first.stepAside();
  const second = queue.enter(never, null);
  const third = queue.enter(never, null);
  expect(queue.waiting).toBe(2);
  expect(() => queue.enter(never, null)).toThrow(/wait to start.* can raise maxQueuedStarts\.$/);
  expect(() => second.stepAside()).toThrow(/wait to start.* can raise maxQueuedStarts\.$/);
  const reason = new Error("on purpose");
  const back = first.comeBack();
  controller.abort(reason);
  await expect(back).rejects.toBe(reason);
  first[Symbol.dispose]();
  expect([queue.running, queue.waiting]).toEqual([1, 1]);
  second[Symbol.dispose]();
  await third.admitted;
  third.stepAside();
  third[Symbol.dispose]();
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});

test("one user's starts leave room for those of others", async () => {
  const queue = new AdmissionQueue({
    maxConcurrentStarts: 1,
    maxConcurrentStartsPerUser: 1,
    maxQueuedStarts: 100,
    maxStartsPerUser: 2,
  });
  const first = queue.enter(never, "mallory");
  const second = queue.enter(never, "mallory");
  expect(() => queue.enter(never, "mallory")).toThrow("This user has");
  const other = queue.enter(never, "alice");
  first.stepAside();
  expect(() => queue.enter(never, "mallory")).toThrow("This user has");
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  await other.admitted;
  queue.enter(never, "mallory")[Symbol.dispose]();
  other[Symbol.dispose]();
  expect([queue.running, queue.waiting]).toEqual([0, 0]);
});
