import { describe, expect, expectTypeOf, it } from "vitest";
import { SANDBOX_ERROR_CODES, SandboxError } from "./sandbox-error.ts";
import type { SandboxErrorCode } from "./sandbox-error.ts";

interface SandboxErrorModule {
  SandboxError: typeof SandboxError;
}

// The query makes it another module with a class of its own, as a second copy of the package is.
const SECOND_COPY = "./sandbox-error.ts?second-copy";

describe("SandboxError", () => {
  it("carries what it was made of", () => {
    const cause = new Error("ENOENT: /host/path");
    const error = new SandboxError({
      code: "capacity",
      message: "Full.",
      cause,
      retryAfterMs: 500,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe("SandboxError");
    expect(error.code).toBe("capacity");
    expect(error.message).toBe("Full.");
    expect(error.cause).toBe(cause);
    expect(error.retryAfterMs).toBe(500);
    expect(error.stack).toContain("sandbox-error.test");
  });

  it("has no cause where none is given", () => {
    const error = new SandboxError({ code: "gone", message: "Gone." });
    expect("cause" in error).toBe(false);
    expect(error.retryAfterMs).toBeUndefined();
  });

  it("is recognised across copies of the package", async () => {
    const copy = (await import(/* @vite-ignore */ SECOND_COPY)) as SandboxErrorModule;
    expect(copy.SandboxError).not.toBe(SandboxError);
    const theirs: unknown = new copy.SandboxError({ code: "gone", message: "Gone." });
    const ours: unknown = new SandboxError({ code: "gone", message: "Gone." });
    expect(theirs).not.toBeInstanceOf(SandboxError);
    expect(SandboxError.isInstance(theirs)).toBe(true);
    expect(copy.SandboxError.isInstance(ours)).toBe(true);
  });

  it("is recognised where it is extended", () => {
    class NarrowerError extends SandboxError {}
    expect(SandboxError.isInstance(new NarrowerError({ code: "gone", message: "" }))).toBe(true);
  });

  it("takes nothing else for one", () => {
    const lookalike = Object.assign(new Error("Gone."), { code: "gone", name: "SandboxError" });
    const others = [lookalike, { code: "gone" }, SandboxError.prototype, null, undefined, "gone"];
    for (const other of others) expect(SandboxError.isInstance(other)).toBe(false);
  });

  it("narrows an unknown error for the compiler", () => {
    const error: unknown = new SandboxError({ code: "gone", message: "Gone." });
    if (!SandboxError.isInstance(error)) return expect.unreachable();
    expectTypeOf(error.code).toEqualTypeOf<SandboxErrorCode>();
    expect(SANDBOX_ERROR_CODES).toContain(error.code);
  });

  it("has every code once", () => {
    expect(new Set(SANDBOX_ERROR_CODES).size).toBe(SANDBOX_ERROR_CODES.length);
    expectTypeOf<SandboxErrorCode>().not.toEqualTypeOf<string>();
  });
});
