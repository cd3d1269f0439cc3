import { describe, expect, it } from "vitest";
import { Lane } from "./lane.ts";
import { FakeTime, settled } from "./testing/fake-time.ts";
import { Random } from "./testing/random.ts";

const OPTIONS = { width: 1, maxWaiting: 3, maxWaitMs: 60_000 };

describe("a lane", () => {
  it("lets in as many as it is wide, and the others as places become free, in order", async () => {
    const lane = new Lane({ ...OPTIONS, width: 2 });
    const places = [await lane.enter(), await lane.enter()];
    const order: number[] = [];
    for (const number of [1, 2, 3]) {
      void lane.enter().then((leave) => order.push(number) && places.push(leave));
    }
    await settled();
    expect(order).toEqual([]);
    places.shift()?.();
    await settled();
    expect(order).toEqual([1]);
    for (const leave of places.splice(0)) leave();
    await settled();
    expect(order).toEqual([1, 2, 3]);
  });

  it("refuses one more than may wait", async () => {
    const lane = new Lane(OPTIONS);
    const leave = await lane.enter();
    const waiting = [lane.enter(), lane.enter(), lane.enter()];
    await expect(lane.enter()).rejects.toMatchObject({ code: "capacity", retryAfterMs: 1000 });
    leave();
    for (const place of waiting) (await place)();
    await expect(lane.enter()).resolves.toBeTypeOf("function");
  });

  it("passes over one who gave up waiting", async () => {
    const lane = new Lane(OPTIONS);
    const leave = await lane.enter();
    const abort = new AbortController();
    const first = lane.enter(abort.signal);
    const second = lane.enter();
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    // Its place in the queue is free again, too.
    const others = [lane.enter(), lane.enter()];
    leave();
    (await second)();
    for (const place of others) (await place)();
  });

  it("lets nobody in whose signal has fired before", async () => {
    const lane = new Lane(OPTIONS);
    await expect(lane.enter(AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
    await expect(lane.enter()).resolves.toBeTypeOf("function");
  });

  it("gives a place back once, however often it is left", async () => {
    const lane = new Lane(OPTIONS);
    const leave = await lane.enter();
    leave();
    leave();
    await lane.enter();
    const second = lane.enter(AbortSignal.abort());
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    let entered = false;
    void lane.enter().then(() => (entered = true));
    await settled();
    expect(entered).toBe(false);
  });

  it("waits no longer than it may", async () => {
    using time = new FakeTime();
    const lane = new Lane(OPTIONS);
    const leave = await lane.enter();
    const refused = expect(lane.enter()).rejects.toMatchObject({ code: "capacity" });
    await time.pass(OPTIONS.maxWaitMs);
    await refused;
    leave();
    await expect(lane.enter()).resolves.toBeTypeOf("function");
  });

  it("never loses a place or lets in too many, whatever comes together", async () => {
    const random = new Random(6);
    const lane = new Lane({ width: 3, maxWaiting: 1000, maxWaitMs: 60_000 });
    let inside = 0;
    const visit = async (): Promise<void> => {
      const abort = new AbortController();
      const entering = lane.enter(abort.signal);
      if (random.below(3) === 0) abort.abort();
      const leave = await entering.catch(() => null);
      if (!leave) return;
      expect(++inside).toBeLessThanOrEqual(3);
      for (let turns = random.below(4); turns > 0; turns--) await Promise.resolve();
      inside--;
      leave();
    };
    await Promise.all(Array.from({ length: 500 }, visit));
    const places = await Promise.all([lane.enter(), lane.enter(), lane.enter()]);
    expect(places).toHaveLength(3);
  });
});
