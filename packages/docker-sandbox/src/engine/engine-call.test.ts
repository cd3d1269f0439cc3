import { describe, expect, it } from "vitest";
import { callEngine } from "./engine-call.ts";

const ACTION = { action: "list containers", host: "unix:///e.sock" };

/** A call that ends only when it is told to stop. */
function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("stopped")));
  });
}

describe("A call to the engine", () => {
  it("gives what the engine gives", async () => {
    await expect(callEngine(ACTION, () => Promise.resolve(7))).resolves.toBe(7);
  });

  it("ends at its deadline, and tells the request to end", async () => {
    let stopped: AbortSignal | undefined;
    const call = callEngine({ ...ACTION, timeoutMs: 20 }, (signal) => {
      stopped = signal;
      return untilStopped(signal);
    });
    await expect(call).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("20 ms"),
    });
    expect(stopped?.aborted).toBe(true);
  });

  it("ends at its deadline although the client does not listen", async () => {
    const call = callEngine({ ...ACTION, timeoutMs: 20 }, () => new Promise(() => undefined));
    await expect(call).rejects.toMatchObject({ code: "timeout" });
  });

  it("ends when its caller aborts", async () => {
    const caller = new AbortController();
    const call = callEngine({ ...ACTION, signal: caller.signal }, untilStopped);
    caller.abort(new Error("enough"));
    await expect(call).rejects.toMatchObject({
      code: "aborted",
      cause: expect.objectContaining({ message: "enough" }),
    });
  });

  it("does not begin where its caller has aborted", async () => {
    let begun = false;
    const call = callEngine({ ...ACTION, signal: AbortSignal.abort() }, () => {
      begun = true;
      return Promise.resolve();
    });
    await expect(call).rejects.toMatchObject({ code: "aborted" });
    expect(begun).toBe(false);
  });

  it("leaves what it gave alone when its caller aborts later", async () => {
    const caller = new AbortController();
    let signal: AbortSignal | undefined;
    await callEngine({ ...ACTION, signal: caller.signal }, (abortSignal) => {
      signal = abortSignal;
      return Promise.resolve();
    });
    caller.abort();
    expect(signal?.aborted).toBe(false);
  });

  it("translates what is thrown before a promise is made", async () => {
    const call = callEngine(ACTION, () => {
      throw new TypeError("no");
    });
    await expect(call).rejects.toMatchObject({ code: "unavailable" });
  });
});
