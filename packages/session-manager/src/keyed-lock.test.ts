import { expect, test } from "vitest";
import { rejection, settle } from "../test/test-manager.ts";
import { KeyedLock } from "./keyed-lock.ts";

const never = new AbortController().signal;

test("holders of one key take turns, in the order in which they came", async () => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const turn = async (name: string): Promise<void> =>
    lock.run("a", never, async () => {
      order.push(`${name} in`);
      await settle();
      order.push(`${name} out`);
    });
  await Promise.all([turn("1"), turn("2"), turn("3")]);
  expect(order).toEqual(["1 in", "1 out", "2 in", "2 out", "3 in", "3 out"]);
});

test("somebody who comes while the lock changes hands does not overtake the waiting", async () => {
  const lock = new KeyedLock();
  const order: string[] = [];
  const first = lock.run("a", never, async () => void order.push("first"));
  const second = lock.run("a", never, async () => void order.push("second"));
  const third = first.then(() => lock.run("a", never, async () => void order.push("third")));
  await Promise.all([second, third]);
  expect(order).toEqual(["first", "second", "third"]);
});

test("holders of different keys do not wait for each other", async () => {
  const lock = new KeyedLock();
  await lock.run("a", never, () => lock.run("b", never, async () => {}));
});

test("a body that fails passes its error on and the lock to the next", async () => {
  const lock = new KeyedLock();
  const failing = lock.run("a", never, async () => {
    throw new Error("on purpose");
  });
  const next = lock.run("a", never, async () => "next");
  await expect(failing).rejects.toThrow("on purpose");
  expect(await next).toBe("next");
});

test("a waiting caller that aborts leaves the queue, and the others keep their order", async () => {
  const lock = new KeyedLock();
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const holder = lock.run("a", never, () => gate.promise);
  const second = lock.run("a", never, async () => void order.push("second"));
  const aborted = lock.run("a", controller.signal, async () => void order.push("aborted"));
  const third = lock.run("a", never, async () => void order.push("third"));
  controller.abort("enough");
  expect(await rejection(aborted)).toBe("enough");
  gate.resolve();
  await Promise.all([holder, second, third]);
  expect(order).toEqual(["second", "third"]);
});

test("a caller whose signal fired before does not get in", async () => {
  const lock = new KeyedLock();
  const entered: string[] = [];
  const call = lock.run("a", AbortSignal.abort("before"), async () => void entered.push("in"));
  expect(await rejection(call)).toBe("before");
  expect(entered).toEqual([]);
  expect(lock.size).toBe(0);
});

test("ten thousand holders that finish, fail or abort leave no entry behind", async () => {
  const lock = new KeyedLock();
  const calls = Array.from({ length: 10_000 }, (_, index) => {
    const controller = new AbortController();
    const call = lock.run(`key ${index % 7}`, controller.signal, async () => {
      if (index % 3 === 0) throw new Error("on purpose");
    });
    if (index % 5 === 0) controller.abort();
    return call;
  });
  expect(lock.size).toBe(7);
  await Promise.allSettled(calls);
  expect(lock.size).toBe(0);
});
