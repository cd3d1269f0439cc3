import { expect, test } from "vitest";
import { splitGlob } from "./split-glob.ts";

test.for([
  ["**/*.py", "/w", "**/*.py"],
  ["/w/src/**/*.py", "/w/src", "**/*.py"],
  ["/w/src/a.py", "/w/src", "a.py"],
  ["/w/{a,b}/c", "/w", "{a,b}/c"],
  ["/*.txt", "/", "*.txt"],
  ["//w//*.txt", "/w", "*.txt"],
])("%s is searched in %s as %s", ([pattern, path, below]) => {
  expect(splitGlob(pattern!, "/w")).toEqual({ path, pattern: below });
});
