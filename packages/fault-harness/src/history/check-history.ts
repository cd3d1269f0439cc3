import { checkContents } from "./check-contents.ts";
import { checkDeadlines } from "./check-deadlines.ts";
import { checkErrors } from "./check-errors.ts";
import type { AllowedErrors } from "./check-errors.ts";
import { checkLines } from "./check-lines.ts";
import { checkOneSandbox } from "./check-one-sandbox.ts";
import { checkRemembered } from "./check-remembered.ts";
import type { History, Violation } from "./history.ts";

export interface CheckOptions {
  /** Codes that a call may fail with. */
  allowed: AllowedErrors;
  /** How much longer than its deadline a call may take. */
  deadlineGraceMs: number;
}

/** All that is wrong with what callers saw; nothing where it could have come about rightly. */
export function checkHistory(
  history: History,
  { allowed, deadlineGraceMs }: CheckOptions,
): Violation[] {
  return [
    ...checkOneSandbox(history),
    ...checkContents(history.calls),
    ...checkLines(history.calls),
    ...checkErrors(history.calls, allowed),
    ...checkDeadlines(history.calls, deadlineGraceMs),
    ...checkRemembered(history.calls),
  ];
}
