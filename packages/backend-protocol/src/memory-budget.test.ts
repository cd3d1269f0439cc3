import { expect, test } from "vitest";
import { MemoryBudget } from "./memory-budget.ts";
import type { SandboxError } from "./sandbox-error.ts";

function openIn(budget: MemoryBudget): {
  account: ReturnType<MemoryBudget["open"]>;
  errors: SandboxError[];
} {
  const errors: SandboxError[] = [];
  return { account: budget.open((error) => errors.push(error)), errors };
}

test("MemoryBudget: counts what its accounts and its parts hold", () => {
  const process = new MemoryBudget({ name: "The server", limitBytes: 1000 });
  const user = new MemoryBudget({ name: "The user", limitBytes: 500, parent: process });
  const { account } = openIn(user);
  expect(account.add(200)).toBe(true);
  expect(account.add(-50)).toBe(true);
  expect([account.usedBytes, user.usedBytes, process.usedBytes]).toEqual([150, 150, 150]);
  account[Symbol.dispose]();
  expect([account.usedBytes, user.usedBytes, process.usedBytes]).toEqual([0, 0, 0]);
});

test("MemoryBudget: ends the account that exceeds the limit, with a capacity error", () => {
  const user = new MemoryBudget({ name: "The user", limitBytes: 2 * 1024 ** 2 });
  const { account, errors } = openIn(user);
  expect(account.add(2 * 1024 ** 2)).toBe(true);
  expect(account.add(1)).toBe(false);
  expect(errors).toMatchObject([
    { code: "capacity", message: expect.stringMatching(/^The user takes more than 2 MiB/) },
  ]);
  expect(user.usedBytes).toBe(0);
  expect(account.add(1)).toBe(false);
  expect(errors).toHaveLength(1);
});

test("MemoryBudget: ends the largest holder, and not whoever asked last", () => {
  const process = new MemoryBudget({ name: "The server", limitBytes: 1000 });
  const [greedy, modest] = ["greedy", "modest"].map(
    (name) => new MemoryBudget({ name, limitBytes: 1000, parent: process }),
  ) as [MemoryBudget, MemoryBudget];
  const small = openIn(greedy);
  const large = openIn(greedy);
  const other = openIn(modest);
  small.account.add(300);
  large.account.add(500);
  // No account of the greedy one is larger than this, but all of them together are.
  expect(other.account.add(400)).toBe(true);
  expect(large.errors).toHaveLength(1);
  expect([small.errors, other.errors]).toEqual([[], []]);
  expect(process.usedBytes).toBe(700);
});

test("MemoryBudget: an account that ends may give back others' memory while it ends", () => {
  const budget = new MemoryBudget({ name: "The server", limitBytes: 100 });
  const second = openIn(budget);
  const first = budget.open(() => second.account[Symbol.dispose]());
  second.account.add(40);
  expect(first.add(90)).toBe(false);
  expect(second.errors).toEqual([]);
  expect(budget.usedBytes).toBe(0);
});

test("MemoryBudget: an account that was disposed of counts nothing more", () => {
  const budget = new MemoryBudget({ name: "The server", limitBytes: 100 });
  const { account, errors } = openIn(budget);
  account.add(60);
  account[Symbol.dispose]();
  account[Symbol.dispose]();
  expect(account.add(60)).toBe(false);
  expect(budget.usedBytes).toBe(0);
  expect(errors).toEqual([]);
});
