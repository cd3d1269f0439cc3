import { expect, test } from "vitest";
import { nameOf, pathOf, shownPath } from "./relative-path.ts";

test("a path is relative to the working directory whatever the name looks like", () => {
  expect(pathOf([])).toBe(".");
  expect(pathOf(["src", "a b"])).toBe("./src/a b");
  expect(pathOf([], "~")).toBe("./~");
  expect(pathOf(["src"], "-rf")).toBe("./src/-rf");
});

test("a heading shows the name, a list the path without its dot", () => {
  expect(nameOf("/workspace/src/a.txt")).toBe("a.txt");
  expect(nameOf("./dir/")).toBe("dir");
  expect(shownPath("./src/a.txt")).toBe("src/a.txt");
  expect(shownPath("/workspace/a.txt")).toBe("/workspace/a.txt");
});
