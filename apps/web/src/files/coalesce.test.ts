import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { coalesce } from "./coalesce.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function countedTask() {
  const runs: (() => void)[] = [];
  const task = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    runs.push(resolve);
    return promise;
  };
  return { runs, task };
}

test("the first request runs at once", () => {
  const { runs, task } = countedTask();
  coalesce(task, () => 100).request();
  expect(runs).toHaveLength(1);
});

test("many requests during a run become one run after it and its pause", async () => {
  const { runs, task } = countedTask();
  const { request } = coalesce(task, () => 100);
  request();
  for (let count = 0; count < 50; count += 1) request();
  runs[0]?.();
  await vi.advanceTimersByTimeAsync(99);
  expect(runs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(runs).toHaveLength(2);
  runs[1]?.();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(runs).toHaveLength(2);
});

test("a request in the pause waits for its end", async () => {
  const { runs, task } = countedTask();
  const { request } = coalesce(task, () => 100);
  request();
  runs[0]?.();
  await vi.advanceTimersByTimeAsync(50);
  request();
  expect(runs).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(50);
  expect(runs).toHaveLength(2);
});

test("after it was stopped nothing runs", async () => {
  const { runs, task } = countedTask();
  const { request, stop } = coalesce(task, () => 100);
  request();
  request();
  stop();
  runs[0]?.();
  await vi.advanceTimersByTimeAsync(1000);
  request();
  expect(runs).toHaveLength(1);
});
