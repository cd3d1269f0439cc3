import { expect, test } from "vitest";
import { backoffDelay } from "./backoff.ts";

test("attempts come ever less often, up to a limit", () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 60].map((attempt) => backoffDelay(attempt, 1));
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

test("pages that lost the server at the same moment do not return at the same moment", () => {
  expect(backoffDelay(3, 0)).toBe(2000);
  expect(backoffDelay(3, 0.5)).toBe(3000);
});
