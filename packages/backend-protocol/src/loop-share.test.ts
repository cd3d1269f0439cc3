import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { LoopShare } from "./loop-share.ts";

it("loop share: lets work go on that takes little time", () => {
  const share = new LoopShare();
  share.charge(1);
  expect(share.turn()).toBeNull();
});

it("loop share: makes work wait for a turn that took its time", async () => {
  const share = new LoopShare();
  share.charge(1000);
  const turn = share.turn();
  expect(turn).not.toBeNull();
  await turn;
  expect(share.turn()).toBeNull();
});

it("loop share: works for one of many in each turn of the loop", async () => {
  const order: string[] = [];
  const work = async (name: string, share: LoopShare): Promise<void> => {
    for (let pieces = 0; pieces < 3; pieces++) {
      share.charge(1000);
      await share.turn();
      order.push(name);
    }
  };
  const first = new LoopShare();
  const working = [work("a", first), work("a", first), work("b", new LoopShare())];
  let most = 0;
  let seen = 0;
  while (order.length < 9) {
    await nextTurn();
    most = Math.max(most, order.length - seen);
    seen = order.length;
  }
  await Promise.all(working);
  expect(most).toBeLessThanOrEqual(2);
  // Who has two pieces of work at a time gets no more turns for it.
  expect(order.slice(0, 6).filter((name) => name === "b")).toHaveLength(3);
});

it("loop share: many that go on and on take one stretch in a turn of the loop together", async () => {
  let stretches = 0;
  let left = 20;
  const work = async (): Promise<void> => {
    const share = new LoopShare();
    for (let pieces = 0; pieces < 5; pieces++) {
      share.charge(3.1);
      await share.turn();
      stretches++;
    }
    left--;
  };
  const working = Array.from({ length: 20 }, work);
  const light = new LoopShare();
  let most = 0;
  while (left > 0) {
    const before = stretches;
    await nextTurn();
    most = Math.max(most, stretches - before);
    light.charge(0.01);
    expect(light.turn()).toBeNull();
  }
  await Promise.all(working);
  expect(most).toBeLessThanOrEqual(2);
});
