import { expect, test } from "vitest";
import { GlobPattern } from "./glob-pattern.ts";

function matches(pattern: string, path: string, hidden = false): boolean {
  const glob = new GlobPattern(pattern, { hidden });
  const state = path.split("/").reduce((at, name) => glob.advance(at, name, hidden), glob.start);
  return glob.isMatch(state);
}

test.each([
  ["*.ts", "a.ts", true],
  ["*.ts", "src/a.ts", false],
  ["**/*.ts", "a.ts", true],
  ["**/*.ts", "src/deep/a.ts", true],
  ["src/**", "src/a.ts", true],
  ["src/**", "src/deep/a.ts", true],
  ["src/**", "src", false],
  ["**", "a/b", true],
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["{src,test}/*.{ts,tsx}", "test/a.tsx", true],
  ["{src/a,test}/b", "src/a/b", true],
  ["{a,b}.txt", "{a,b}.txt", true],
  ["app/[...slug].ts", "app/[...slug].ts", true],
  ["app/[id]/*.ts", "app/[id]/page.ts", true],
  ["[a-c].ts", "b.ts", true],
  ["[!a-c].ts", "b.ts", false],
  ["(group)/*.ts", "(group)/a.ts", true],
  ["\\*.ts", "*.ts", true],
  ["\\*.ts", "a.ts", false],
  ["?.ts", "ab.ts", false],
  ["!x", "!x", true],
  ["./*.ts", "a.ts", true],
])("%s on %s: %s", (pattern, path, expected) => {
  expect(matches(pattern, path)).toBe(expected);
});

test("wildcards leave out names that begin with a dot unless they are asked for", () => {
  expect(matches("*", ".env")).toBe(false);
  expect(matches("**/*", ".git/config")).toBe(false);
  expect(matches(".*", ".env")).toBe(true);
  expect(matches("**/*", ".git/config", true)).toBe(true);
});

test("a pattern whose braces stand for too many alternatives is refused", () => {
  expect(() => new GlobPattern("{a,b}".repeat(12), { hidden: false })).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
});
