import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MemoryBudget } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { settle } from "../test/test-manager.ts";
import { DEFAULT_MEMORY_BYTES, UserBudgets } from "./user-budgets.ts";

/** What vitest itself does not turn on. */
function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

test("UserBudgets: a user has one budget, a quarter of the process's", () => {
  const budgets = new UserBudgets();
  const alice = budgets.of("alice");
  expect(budgets.of("alice")).toBe(alice);
  expect(budgets.of("bob")).not.toBe(alice);
  expect(budgets.of(null)).toBe(budgets.of(null));
  expect(alice.limitBytes).toBe(DEFAULT_MEMORY_BYTES / 4);
});

test("UserBudgets: all users together stay below the process's, and the largest goes", () => {
  const process = new MemoryBudget({ name: "The server", limitBytes: 1000 });
  const budgets = new UserBudgets({ process, perUserBytes: 600 });
  const ended: { user: string; message: string }[] = [];
  const holds = (user: string | null, bytes: number): boolean =>
    budgets
      .of(user)
      .open(({ message }) => ended.push({ user: String(user), message }))
      .add(bytes);
  expect(holds("alice", 300)).toBe(true);
  expect(holds(null, 500)).toBe(true);
  expect(holds("bob", 300)).toBe(true);
  expect(ended).toEqual([{ user: "null", message: expect.stringMatching(/^The server takes/) }]);
  expect(holds("bob", 301)).toBe(false);
  expect(ended[1]).toMatchObject({
    user: "bob",
    message: expect.stringMatching(/^The user takes/),
  });
  expect(process.usedBytes).toBe(600);
});

test("UserBudgets: nothing is left of users who hold nothing, and those who do keep theirs", async () => {
  const collect = collector();
  const budgets = new UserBudgets();
  const account = budgets.of("holds something").open(() => undefined);
  account.add(1);
  for (let index = 0; index < 10_000; index++) budgets.of(`user-${index}`);
  expect(budgets.size).toBe(10_001);
  for (let round = 0; round < 20 && budgets.size > 1; round++) {
    collect();
    await settle();
  }
  expect(budgets.size).toBe(1);
  expect(budgets.of("holds something").usedBytes).toBe(1);
});
