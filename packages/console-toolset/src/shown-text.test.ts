import { expect, test } from "vitest";
import { shownPath, shownText } from "./shown-text.ts";

test.for([
  ["src/main.py", "src/main.py"],
  ["my file (1).txt", "my file (1).txt"],
  ["日本語/é.txt", "日本語/é.txt"],
  ["😀.txt", "😀.txt"],
  ["a\nb", '"a\\nb"'],
  ["a\u001b[31mb", '"a\\u001b[31mb"'],
  ["a\u202etxt.exe", '"a\\u202etxt.exe"'],
  ["a\u0085b", '"a\\u0085b"'],
  ["bad\udcff", '"bad\\udcff"'],
  ['"quoted"', '"\\"quoted\\""'],
  [" led by a space", '" led by a space"'],
  ["dir /file", '"dir /file"'],
  ["back\\slash", "back\\slash"],
])("the path %j is shown as %s", ([path, shown]) => {
  expect(shownPath(path!)).toBe(shown);
  if (shown!.startsWith('"')) expect(JSON.parse(shown!)).toBe(path);
});

test.for([
  ["\u001b[1;31mred\u001b[0m", "red"],
  ["\u001b]8;;http://x.test\u0007link\u001b]8;;\u0007", "link"],
  ["\u001b]0;title\u001b\\text", "text"],
  ["a\r\nb\r\n", "a\nb\n"],
  ["10%\r50%\r100%\nnext", "100%\nnext"],
  ["10%\r100%\r", "100%"],
  ["tab\tstays", "tab\tstays"],
  ["nul\0bell\u0007", "nulbell"],
])("the output %j is shown as %j", ([text, shown]) => {
  expect(shownText(text!)).toBe(shown);
});

test("hostile output takes no longer to show than other output", () => {
  const started = performance.now();
  for (const part of ["\u001b[", ";#", "\u001b]8;", "\r", "1;"]) {
    shownText(`\u001b${part.repeat(50_000)}`);
  }
  expect(performance.now() - started).toBeLessThan(5000);
});
