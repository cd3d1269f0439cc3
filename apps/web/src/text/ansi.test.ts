import { expect, test } from "vitest";
import { parseAnsi } from "./ansi.ts";

function textOf(output: string): string {
  return parseAnsi(output)
    .map((piece) => piece.text)
    .join("");
}

test("plain output is one piece without a style", () => {
  expect(parseAnsi("one\ntwo\n")).toEqual([{ text: "one\ntwo\n", className: "" }]);
});

test("colours and weights become class names until they are reset", () => {
  expect(parseAnsi("a\u001b[1;31mb\u001b[39mc\u001b[0md")).toEqual([
    { text: "a", className: "" },
    { text: "b", className: "ansi-red ansi-bold" },
    { text: "c", className: "ansi-bold" },
    { text: "d", className: "" },
  ]);
});

test("bright colours are the colours", () => {
  expect(parseAnsi("\u001b[92mok")).toEqual([{ text: "ok", className: "ansi-green" }]);
});

test("a colour of the large palettes is no colour, and its numbers are not taken for others", () => {
  expect(parseAnsi("\u001b[38;5;196mx\u001b[38;2;1;31;4my\u001b[38;5;2mz")).toEqual([
    { text: "x", className: "" },
    { text: "y", className: "" },
    { text: "z", className: "ansi-green" },
  ]);
});

test("a background cannot hide text", () => {
  expect(parseAnsi("\u001b[30;40mhidden\u001b[48;5;0m!")).toEqual([
    { text: "hidden", className: "ansi-black" },
    { text: "!", className: "ansi-black" },
  ]);
});

test.each([
  ["a link", "\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u001b\\", "click"],
  ["a window title", "\u001b]0;owned\u0007text", "text"],
  ["a clipboard write", "\u001b]52;c;ZXZpbA==\u001b\\text", "text"],
  ["a device control string", "a\u001bPq#0;2\u001b\\b", "ab"],
  ["cursor movement and clearing", "a\u001b[2J\u001b[10;20Hb\u001b[?25l", "ab"],
  ["a one-byte control sequence introducer", "a\u009b31mb", "ab"],
  ["a character set", "a\u001b(Bb", "ab"],
  ["a lone escape at the end", "a\u001b", "a"],
])("%s leaves only its text", (_, output, text) => {
  expect(textOf(output)).toBe(text);
});

test("an unfinished control string does not swallow what follows", () => {
  expect(textOf("\u001b]0;title\nnext line")).toBe("0;title\nnext line");
});

test("of a progress bar only its last state is shown", () => {
  expect(textOf("  1%\r 50%\r100%\r\ndone\r\n")).toBe("100%\ndone\n");
});

test("hostile output is parsed in linear time", () => {
  const started = performance.now();
  textOf("\u001b]".repeat(200_000));
  textOf("\u001b[".repeat(200_000));
  expect(performance.now() - started).toBeLessThan(5000);
});
