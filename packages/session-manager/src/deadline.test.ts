import { getEventListeners } from "node:events";
import { SandboxError } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { rejection } from "../test/test-manager.ts";
import { Deadline } from "./deadline.ts";

const hang = (): Promise<never> => new Promise(() => {});

test("a step that takes too long is given up on, told so, and reported as timeout", async () => {
  using deadline = new Deadline({ timeoutMs: 5, failure: "It did not start" });
  let told: AbortSignal | undefined;
  const step = deadline.run((signal) => {
    told = signal;
    return hang();
  });
  await expect(step).rejects.toMatchObject({
    code: "timeout",
    message: expect.stringContaining("It did not start within 5 ms"),
  });
  expect(told?.aborted).toBe(true);
});

test("the time counts over all steps", async () => {
  using deadline = new Deadline({ timeoutMs: 5, failure: "It did not start" });
  await rejection(deadline.run(hang));
  await expect(deadline.run(async () => "more")).rejects.toMatchObject({ code: "timeout" });
});

test("the caller's abort is reported as aborted, with its reason as the cause", async () => {
  const controller = new AbortController();
  using deadline = new Deadline({
    timeoutMs: 60_000,
    failure: "It did not start",
    signal: controller.signal,
  });
  const step = deadline.run(hang);
  controller.abort("enough");
  await expect(step).rejects.toMatchObject({ code: "aborted", cause: "enough" });
});

test("the caller gets the deadline's error also where the step fails of the same abort", async () => {
  const controller = new AbortController();
  using deadline = new Deadline({
    timeoutMs: 60_000,
    failure: "It did not start",
    signal: controller.signal,
  });
  const step = deadline.run(
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new Error("the step's own")));
      }),
  );
  controller.abort();
  await expect(step).rejects.toMatchObject({ code: "aborted" });
});

test("closing throws the closing signal's own error, also where it fired before", async () => {
  const closed = new SandboxError({ code: "unavailable", message: "Closed." });
  const closing = AbortSignal.abort(closed);
  using deadline = new Deadline({ timeoutMs: 60_000, failure: "It did not start", closing });
  expect(await rejection(deadline.run(async () => "value"))).toBe(closed);
});

test("what a step gives after it was given up on goes to onLate, and only that", async () => {
  const gate = Promise.withResolvers<string>();
  const late = Promise.withResolvers<string>();
  using deadline = new Deadline({ timeoutMs: 5, failure: "It did not start" });
  expect(await deadline.run(async () => "in time", late.reject)).toBe("in time");
  await rejection(deadline.run(() => gate.promise, late.resolve));
  gate.resolve("too late");
  expect(await late.promise).toBe("too late");
});

test("a step that fails after it was given up on troubles nobody", async () => {
  const gate = Promise.withResolvers<string>();
  using deadline = new Deadline({ timeoutMs: 5, failure: "It did not start" });
  await rejection(deadline.run(() => gate.promise));
  gate.reject(new Error("nobody hears this"));
});

test("an operation that is over leaves no listener on the caller's signal", () => {
  const { signal } = new AbortController();
  const deadline = new Deadline({ timeoutMs: 60_000, failure: "It did not start", signal });
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  deadline[Symbol.dispose]();
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});
