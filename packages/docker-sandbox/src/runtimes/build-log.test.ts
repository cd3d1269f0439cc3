import { describe, expect, it } from "vitest";
import { BuildLog } from "./build-log.ts";

describe("The log of a build", () => {
  it("knows the step, from whatever pieces the output comes in", () => {
    const log = new BuildLog();
    expect(log.position).toEqual({ step: 0, steps: 0, line: "" });
    expect(log.add("Step 2/")).toBe(false);
    expect(log.add("7 : RUN x\n")).toBe(true);
    expect(log.position).toEqual({ step: 2, steps: 7, line: "Step 2/7 : RUN x" });
    log.add("  working\u001B[31m red\u001B[0m\r\n");
    expect(log.position).toEqual({ step: 2, steps: 7, line: "working red" });
  });

  it("knows the step of a line that is long, and comes in pieces", () => {
    const log = new BuildLog();
    for (const piece of ["Step 5/6 : ", "RUN ", "x".repeat(1000), "y".repeat(1000)]) log.add(piece);
    log.add("\n");
    expect(log.position).toMatchObject({ step: 5, steps: 6 });
    expect(log.position.line).toHaveLength(400);
  });

  it("keeps the end of a long output", () => {
    const log = new BuildLog();
    for (let line = 0; line < 1000; line += 1) log.add(`${line} ${"x".repeat(10_000)}\n`);
    log.add("the reason");
    const lines = log.tail().split("\n");
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe("the reason");
    expect(log.tail().length).toBeLessThan(10_000);
  });
});
