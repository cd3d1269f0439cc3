import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { BackgroundLoop } from "./background-loop.ts";

test("passes come again and again, also after one that failed, which is reported", async () => {
  const failures: unknown[] = [];
  const fourth = Promise.withResolvers<void>();
  let passes = 0;
  const loop = new BackgroundLoop({
    pass: async () => {
      passes += 1;
      if (passes === 2) throw new Error("on purpose");
      if (passes === 4) fourth.resolve();
    },
    onFailure: (error) => failures.push(error),
  });
  loop.start(1);
  await fourth.promise;
  await loop.stop();
  expect(failures).toEqual([new Error("on purpose")]);
});

test("while a pass is under way no other begins, however often the loop is started", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const gate = Promise.withResolvers<void>();
  let passes = 0;
  const loop = new BackgroundLoop({
    pass: async () => {
      passes += 1;
      await gate.promise;
    },
    onFailure: gate.reject,
  });
  loop.start(10);
  loop.start(10);
  await vi.advanceTimersByTimeAsync(9);
  expect(passes).toBe(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(passes).toBe(1);
  gate.resolve();
  await vi.advanceTimersByTimeAsync(10);
  expect(passes).toBe(2);
  await loop.stop();
});

test("stop waits for the pass under way, tells it, and lets no further one begin", async () => {
  const begun = Promise.withResolvers<AbortSignal>();
  const gate = Promise.withResolvers<void>();
  let passes = 0;
  const loop = new BackgroundLoop({
    pass: async (signal) => {
      passes += 1;
      begun.resolve(signal);
      await gate.promise;
    },
    onFailure: begun.reject,
  });
  loop.start(1);
  const signal = await begun.promise;
  let stopped = false;
  const stop = loop.stop().then(() => (stopped = true));
  expect(signal.aborted).toBe(true);
  expect(stopped).toBe(false);
  gate.resolve();
  await stop;
  expect(passes).toBe(1);
});

test("stop without a start does nothing, and start works again after stop", async () => {
  const begun = Promise.withResolvers<void>();
  const loop = new BackgroundLoop({ pass: async () => begun.resolve(), onFailure: begun.reject });
  await loop.stop();
  loop.start(1);
  await loop.stop();
  loop.start(1);
  await begun.promise;
  await loop.stop();
});

test("a running loop does not keep the process alive", async () => {
  const module = JSON.stringify(new URL("./background-loop.ts", import.meta.url).href);
  const script = `
    const { BackgroundLoop } = await import(${module});
    new BackgroundLoop({ pass: async () => {}, onFailure: () => {} }).start(600_000);
  `;
  // Rejects where the process does not end by itself in time.
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
    timeout: 20_000,
  });
});
