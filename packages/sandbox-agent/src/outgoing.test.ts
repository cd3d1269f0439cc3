import { Duplex } from "node:stream";
import { MemoryBudget, MemoryMeter } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { FRAME } from "./frames.ts";
import { Outgoing } from "./outgoing.ts";

const MEBIBYTE = 1024 * 1024;

/** A byte stream whose other side takes nothing. */
function stuckStream(): Duplex {
  return new Duplex({ read: () => undefined, write: () => undefined });
}

function budgetOf(limitBytes: number): MemoryBudget {
  return new MemoryBudget({ name: "The sandbox", limitBytes });
}

describe("what the other side has not taken", () => {
  it("Outgoing: counts it while the connection lives, and not after", () => {
    const outgoing = new Outgoing(stuckStream());
    const memory = budgetOf(16 * MEBIBYTE);
    outgoing.countIn(new MemoryMeter(memory));
    outgoing.send(FRAME.data, 1, Buffer.alloc(MEBIBYTE));
    void outgoing.writable();
    expect(memory.usedBytes).toBeGreaterThanOrEqual(MEBIBYTE);
    outgoing.end();
    expect(memory.usedBytes).toBe(0);
  });

  it("Outgoing: counts nothing of a connection that has ended", () => {
    const outgoing = new Outgoing(stuckStream());
    outgoing.send(FRAME.data, 1, Buffer.alloc(MEBIBYTE));
    outgoing.end();
    const memory = budgetOf(16 * MEBIBYTE);
    outgoing.countIn(new MemoryMeter(memory));
    expect(memory.usedBytes).toBe(0);
  });

  it("Outgoing: counts it in another budget once it is told to", () => {
    const outgoing = new Outgoing(stuckStream());
    const [first, second] = [budgetOf(16 * MEBIBYTE), budgetOf(16 * MEBIBYTE)];
    outgoing.countIn(new MemoryMeter(first));
    outgoing.send(FRAME.data, 1, Buffer.alloc(MEBIBYTE));
    void outgoing.writable();
    outgoing.countIn(new MemoryMeter(second));
    expect(first.usedBytes).toBe(0);
    expect(second.usedBytes).toBeGreaterThanOrEqual(MEBIBYTE);
  });
});
