import { expect, test } from "vitest";
import { splitAnswer } from "./split-answer.ts";

const PARAGRAPH = `${"Some words that make a line of text. ".repeat(20)}\n\n`;

function joined(text: string): string {
  return splitAnswer(text)
    .pieces.map((piece) => piece.text)
    .join("");
}

test("a short answer is one piece", () => {
  expect(splitAnswer("# Title\n\ntext\n\n- a\n\n- b")).toEqual({
    pieces: [{ text: "# Title\n\ntext\n\n- a\n\n- b", formatted: true }],
    dropped: 0,
  });
  expect(splitAnswer("")).toEqual({ pieces: [], dropped: 0 });
});

test("a long answer is divided between paragraphs, and nothing is lost", () => {
  const text = PARAGRAPH.repeat(20);
  const { pieces } = splitAnswer(text);
  expect(pieces.length).toBeGreaterThan(3);
  expect(pieces.every((piece) => piece.formatted && piece.text.startsWith("Some"))).toBe(true);
  expect(joined(text)).toBe(text);
});

test("all pieces but the last stay the same while the answer grows", () => {
  const text = PARAGRAPH.repeat(12);
  const whole = splitAnswer(text).pieces;
  for (let end = 1; end < text.length; end += 97) {
    const { pieces } = splitAnswer(text.slice(0, end));
    expect(pieces.slice(0, -1)).toEqual(whole.slice(0, pieces.length - 1));
  }
});

test("code and lists are never divided", () => {
  const code = `\`\`\`\n${"line\n\nTitle\n".repeat(400)}\`\`\`\n`;
  const list = "1. item of a list\n\n   what belongs to it\n\n- another\n\n".repeat(100);
  const { pieces } = splitAnswer(`${PARAGRAPH.repeat(2)}${code}\n${PARAGRAPH.repeat(3)}${list}`);
  expect(pieces.filter((piece) => piece.text.includes("```")).map((piece) => piece.text)).toEqual([
    expect.stringContaining(code),
  ]);
  expect(pieces.at(-1)?.text).toContain(list);
});

test("a fence is closed only by one of its kind that is as long", () => {
  const text = `~~~~\n${"x\n\n".repeat(800)}\`\`\`\n\ny\n\n~~~\n\nz\n\n~~~~ no\n\n${PARAGRAPH.repeat(5)}`;
  expect(splitAnswer(text).pieces).toHaveLength(1);
});

test.each([
  ["marks", "*a_".repeat(20_000)],
  ["brackets", "[a](".repeat(20_000)],
  ["lists in lists", `text\n\n${"- ".repeat(5000)}x`],
  ["endless items", "-\n".repeat(5000)],
  ["quotes", "> ".repeat(20_000)],
  ["one endless line", "x".repeat(50_000)],
  ["endless code", `\`\`\`\n${"x\n".repeat(100_000)}`],
])("what would take long is shown as it is: %s", (_, text) => {
  expect(splitAnswer(text).pieces.map((piece) => piece.formatted)).toEqual([false]);
});

test("of an endless answer the beginning is shown, and how much is not", () => {
  const text = PARAGRAPH.repeat(2000);
  const { pieces, dropped } = splitAnswer(text);
  const shown = pieces.reduce((size, piece) => size + piece.text.length, 0);
  expect(shown).toBe(400_000);
  expect(dropped).toBe(text.length - 400_000);
});
