import { describe, expect, it } from "vitest";
import { parseImageReference } from "./image-reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe("The name of an image", () => {
  it.each([
    ["python", "python", "latest"],
    ["python:3.12-slim", "python", "3.12-slim"],
    ["ghcr.io/someone/a_b/c--d:V1", "ghcr.io/someone/a_b/c--d", "V1"],
    ["localhost:5000/x", "localhost:5000/x", "latest"],
    ["[::1]:5000/x:y", "[::1]:5000/x", "y"],
    [`python@${DIGEST}`, "python", DIGEST],
    [`python:3.12@${DIGEST}`, "python", DIGEST],
  ])("is taken apart: %s", (reference, name, version) => {
    expect(parseImageReference(reference)).toEqual({ kind: "name", name, version });
  });

  it("can be an id", () => {
    expect(parseImageReference(DIGEST)).toEqual({ kind: "id", id: DIGEST });
  });

  it.each([
    "",
    "-x",
    "Python",
    "python:",
    "python:3.12:slim",
    "python@sha256:abc",
    "python\nRUN id",
    "python 3",
    "../../containers/json?",
    "a/../b",
    "x?fromSrc=http://elsewhere",
    "$(id)",
    `a${"/b".repeat(400)}`,
  ])("has no other form: %j", (reference) => {
    expect(() => parseImageReference(reference)).toThrowError(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });
});
