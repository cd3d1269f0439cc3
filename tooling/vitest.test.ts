import { resolveSandboxPath } from "@carrel/backend-protocol";
import { expect, test } from "vitest";

test("tests run on the sources of other packages, also where those are built", () => {
  expect(import.meta.resolve("@carrel/backend-protocol")).toMatch(/\/src\/index\.ts$/);
  expect(() => resolveSandboxPath("/", "\0")).toThrow(
    expect.objectContaining({ stack: expect.stringContaining("/src/sandbox-path.ts") }),
  );
});
