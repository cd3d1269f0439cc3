import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { MemoryBudget } from "./memory-budget.ts";
import { MemoryMeter } from "./memory-meter.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = KIBIBYTE * KIBIBYTE;

it("memory meter: tells its budget what it holds, in steps", () => {
  const budget = new MemoryBudget({ name: "The test", limitBytes: MEBIBYTE });
  const meter = new MemoryMeter(budget);
  meter.change(10 * KIBIBYTE);
  expect(budget.usedBytes).toBe(0);
  for (let times = 0; times < 10; times++) meter.change(10 * KIBIBYTE);
  expect(budget.usedBytes).toBeGreaterThan(90 * KIBIBYTE);
  expect(budget.usedBytes).toBeLessThanOrEqual(110 * KIBIBYTE);
  meter.set(50 * KIBIBYTE);
  expect(budget.usedBytes).toBeGreaterThanOrEqual(32 * KIBIBYTE);
  expect(budget.usedBytes).toBeLessThanOrEqual(80 * KIBIBYTE);
  meter.set(0);
  expect(budget.usedBytes).toBe(0);
});

it("memory meter: is ended by its budget, and counts nothing after that", () => {
  const budget = new MemoryBudget({ name: "The test", limitBytes: MEBIBYTE });
  const errors: unknown[] = [];
  const meter = new MemoryMeter(budget, (error) => errors.push(error));
  expect(meter.change(MEBIBYTE)).toBe(true);
  expect(meter.change(MEBIBYTE)).toBe(false);
  expect(meter.change(MEBIBYTE)).toBe(false);
  expect(errors).toMatchObject([{ code: "capacity" }]);
  expect(meter.failure).toBe(errors[0]);
  expect(budget.usedBytes).toBe(0);
});

it("memory meter: gives everything back when it is disposed of", () => {
  const budget = new MemoryBudget({ name: "The test", limitBytes: MEBIBYTE });
  {
    using meter = new MemoryMeter(budget);
    meter.change(100 * KIBIBYTE);
    expect(budget.usedBytes).toBeGreaterThan(0);
  }
  expect(budget.usedBytes).toBe(0);
});

it("memory meter: gives everything back when nobody holds it any more", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const budget = new MemoryBudget({ name: "The test", limitBytes: MEBIBYTE });
  new MemoryMeter(budget).change(100 * KIBIBYTE);
  expect(budget.usedBytes).toBeGreaterThan(0);
  for (let turns = 0; turns < 100 && budget.usedBytes > 0; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  expect(budget.usedBytes).toBe(0);
});
