import { expect, test } from "vitest";
import { toolArgument, toolOutcome } from "./tool-summary.ts";

test.each([
  ["execute", { command: "\n python3 a.py \n--help" }, "python3 a.py "],
  ["write_file", { path: "a.txt", content: "long" }, "a.txt"],
  ["edit_file", { path: "a.txt", old_string: "x", new_string: "y" }, "a.txt"],
  ["ls", {}, "."],
  ["ls", { path: "src" }, "src"],
  ["glob", { pattern: "**/*.ts", path: "src" }, "**/*.ts in src"],
  ["grep", { pattern: "TODO" }, "TODO"],
  ["grep", { pattern: "TODO", glob: "*.py" }, "TODO in *.py"],
  ["some_other", { level: 3 }, '{"level":3}'],
  ["some_other", {}, ""],
  ["execute", { command: 42 }, ""],
])("the argument of %s %j that matters is %j", (name, args, expected) => {
  expect(toolArgument({ name, args })).toBe(expected);
});

test("a long argument is shortened", () => {
  expect(toolArgument({ name: "ls", args: { path: "x".repeat(5000) } })).toHaveLength(301);
});

const COMMAND = {
  kind: "command",
  command: "x",
  outcome: "exited",
  exit_code: 0,
  signal: null,
  output: "",
  truncated: false,
  duration_ms: 1,
} as const;

test("a command's outcome is never told as success unless it was one", () => {
  const outcomeOf = (detail: Parameters<typeof toolOutcome>[0]["detail"]) =>
    toolOutcome({ status: "success", detail });
  expect(outcomeOf(COMMAND)).toEqual({ tone: "good", text: "exit 0" });
  expect(outcomeOf({ ...COMMAND, exit_code: 127 })).toEqual({ tone: "bad", text: "exit 127" });
  for (const outcome of ["timed-out", "output-limit", "out-of-memory", "lost"] as const) {
    expect(outcomeOf({ ...COMMAND, outcome, exit_code: null }).tone).toBe("bad");
  }
  expect(
    outcomeOf({ ...COMMAND, outcome: "signaled", exit_code: null, signal: "SIGSEGV" }),
  ).toEqual({ tone: "bad", text: "SIGSEGV" });
  expect(outcomeOf({ ...COMMAND, outcome: "cancelled", exit_code: null })).toEqual({
    tone: "muted",
    text: "stopped",
  });
});

test("calls that run, failed, or were left behind look different", () => {
  expect(toolOutcome({ status: "running", detail: null }).tone).toBe("running");
  expect(toolOutcome({ status: "error", detail: null }).tone).toBe("bad");
  expect(toolOutcome({ status: "unfinished", detail: null }).tone).toBe("muted");
  expect(toolOutcome({ status: "success", detail: null }).tone).toBe("good");
});
