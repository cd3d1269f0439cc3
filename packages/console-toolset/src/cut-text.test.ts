import { expect, test } from "vitest";
import { cutMiddle, HeadAndTail, joinCut } from "./cut-text.ts";

test("a text that fits is kept as it is", () => {
  const text = new HeadAndTail(10);
  for (const character of "0123456789") text.append(character);

  expect(joinCut(text.cut())).toBe("0123456789");
});

test.for([1, 3, 7, 100])("of a text that came in pieces of %i both ends are kept", (size) => {
  const whole = Array.from({ length: 500 }, (_, index) => String.fromCharCode(0x4e00 + index)).join(
    "",
  );
  const text = new HeadAndTail(20);
  for (let start = 0; start < whole.length; start += size)
    text.append(whole.slice(start, start + size));

  expect(text.cut()).toEqual({ head: whole.slice(0, 10), omitted: 480, tail: whole.slice(-10) });
});

test("a cut text can be cut again, and counts all that is missing", () => {
  const cut = cutMiddle({ head: "abcdef", omitted: 100, tail: "uvwxyz" }, 4);

  expect(cut).toEqual({ head: "ab", omitted: 108, tail: "yz" });
  expect(joinCut(cut)).toBe("ab\n[… 108 characters left out …]\nyz");
});

test("a character is not cut in two", () => {
  const cut = joinCut(cutMiddle({ head: "a😀😀😀b", omitted: 0, tail: "" }, 4));

  expect(cut.isWellFormed()).toBe(true);
});
