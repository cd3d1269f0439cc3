import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { engineStatus, translateEngineError } from "./translate-engine-error.ts";

const ACTION = { action: "start the container x", host: "unix:///e.sock" };

function answer(statusCode: number, message = ""): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) ${message}`), { statusCode });
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe("An engine's error", () => {
  it.each([
    [304, "conflict"],
    [400, "invalid-argument"],
    [401, "unavailable"],
    [403, "unavailable"],
    [404, "not-found"],
    [409, "conflict"],
    [418, "unavailable"],
    [500, "unavailable"],
    [503, "unavailable"],
  ])("with status %i is %s", (status, code) => {
    const cause = answer(status);
    const error = translateEngineError(cause, ACTION);
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toMatch(/^Docker could not start the container x, because .+\.$/);
    expect(engineStatus(error)).toBe(status);
    expect(engineStatus(cause)).toBe(status);
  });

  it.each(["no space left on device", "disk quota exceeded"])("is no-space for %s", (text) => {
    expect(translateEngineError(answer(500, `mkdir /x: ${text}`), ACTION).code).toBe("no-space");
    expect(translateEngineError(answer(404, text), ACTION).code).toBe("not-found");
  });

  it.each([
    ["ENOENT", "install and start Docker"],
    ["ECONNREFUSED", "nothing listens"],
    ["EACCES", "group docker"],
    ["EPERM", "rootless"],
    ["ECONNRESET", "closed the connection"],
    ["EPIPE", "closed the connection"],
    ["ENOTFOUND", "DNS"],
    ["ETIMEDOUT", "does not answer"],
    ["CERT_HAS_EXPIRED", "certificates"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "certificates"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificates"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "certificates"],
    ["HPE_INVALID_CONSTANT", "is not Docker"],
    ["EWHATEVER", "failed"],
    ["constructor", "failed"],
  ])("of the connection, %s, says what to do", (code, advice) => {
    const error = translateEngineError(failure(code), ACTION);
    expect(error.code).toBe("unavailable");
    expect(error.message).toContain(advice);
    expect(engineStatus(error)).toBeNull();
  });

  it("that is translated already stays as it is", () => {
    const error = new SandboxError({ code: "gone", message: "Gone." });
    expect(translateEngineError(error, ACTION)).toBe(error);
  });

  it("may be anything", () => {
    for (const thrown of [undefined, null, "text", 7, {}]) {
      expect(translateEngineError(thrown, ACTION).code).toBe("unavailable");
    }
  });
});
