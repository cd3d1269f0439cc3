import { describe, expect, it } from "vitest";
import { AwakeClock } from "./awake-clock.ts";
import { Deadline } from "./deadline.ts";
import { FakeTime } from "./testing/fake-time.ts";

describe("a deadline", () => {
  it("fires once its time is up, and not before", async () => {
    using time = new FakeTime();
    const { signal } = new Deadline(new AwakeClock(), 10_000);
    await time.pass(9999);
    expect(signal.aborted).toBe(false);
    await time.pass(1);
    expect(signal.aborted).toBe(true);
  });

  it("counts none of the time in which the sandbox is frozen", async () => {
    using time = new FakeTime();
    const clock = new AwakeClock();
    const { signal } = new Deadline(clock, 10_000);
    for (let times = 0; times < 4; times++) {
      await time.pass(2000);
      clock.suspend();
      clock.suspend();
      await time.pass(3_600_000);
      clock.wake();
      clock.wake();
    }
    expect(clock.nowMs - performance.now()).toBe(-4 * 3_600_000);
    await time.pass(1999);
    expect(signal.aborted).toBe(false);
    await time.pass(1);
    expect(signal.aborted).toBe(true);
  });

  it("can be made shorter, not longer, also while the sandbox is frozen", async () => {
    using time = new FakeTime();
    const clock = new AwakeClock();
    const deadline = new Deadline(clock, 10_000);
    deadline.shortenTo(20_000);
    await time.pass(1000);
    clock.suspend();
    deadline.shortenTo(2000);
    await time.pass(60_000);
    expect(deadline.signal.aborted).toBe(false);
    clock.wake();
    await time.pass(1999);
    expect(deadline.signal.aborted).toBe(false);
    await time.pass(1);
    expect(deadline.signal.aborted).toBe(true);
  });

  it("that was cleared never fires", async () => {
    using time = new FakeTime();
    const clock = new AwakeClock();
    const [early, late] = [new Deadline(clock, 1000), new Deadline(clock, 1000)];
    early.clear();
    clock.suspend();
    // Its timer has gone off; it waits for the sandbox.
    await time.pass(2000);
    late.clear();
    clock.wake();
    for (const deadline of [early, late]) deadline.shortenTo(1);
    await time.pass(5000);
    expect([early.signal.aborted, late.signal.aborted]).toEqual([false, false]);
  });

  it("may be further away than a timer counts", async () => {
    using time = new FakeTime();
    const { signal } = new Deadline(new AwakeClock(), 2 ** 32);
    await time.pass(2 ** 32 - 1);
    expect(signal.aborted).toBe(false);
    await time.pass(1);
    expect(signal.aborted).toBe(true);
  });
});
