import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.ts";

describe("the log", () => {
  it("tells of an error what happened where, and nothing that hangs on it", () => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => void lines.push(line) });
    const cause = Object.assign(new Error("inner"), {
      request: { headers: { authorization: "sk-1" } },
    });
    const error = Object.assign(new TypeError("outer", { cause }), { body: "sk-2" });
    logger.error({ err: error }, "it failed");
    const [line = "", ...others] = lines;
    expect(others).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({
      level: "error",
      msg: "it failed",
      err: { name: "TypeError", message: "outer", cause: { name: "Error", message: "inner" } },
    });
    expect(line).not.toMatch(/sk-[12]/);
    expect(line).toContain("logger.test.ts");
  });

  it("repeats no path and no text of a user that a message of Node quotes", () => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => void lines.push(line) });
    const full = Object.assign(new Error("ENOSPC: no space left on device, open '/w/canary'"), {
      code: "ENOSPC",
      syscall: "open",
    });
    for (const cause of [full, errorOfParsing("canary")]) {
      logger.error({ err: new Error("outer", { cause }) }, "it failed");
    }
    expect(lines.join()).not.toContain("canary");
    expect(lines[0]).toContain('"ENOSPC, open"');
    expect(lines[1]).toContain('"invalid JSON"');
  });

  it("is one line for each event, whatever is in it", () => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => void lines.push(line) });
    logger.info({ err: new Error(`a\nb\r\n\u001b[31m${"x".repeat(5000)}`) }, "x\ny");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).toMatch(/^[ -~]+$/);
    expect(lines[0]?.length).toBeLessThan(4000);
  });
});

function errorOfParsing(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    return error;
  }
}
