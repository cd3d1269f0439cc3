import { renderToStaticMarkup } from "react-dom/server";
import { expect, test } from "vitest";
import type { ToolPart } from "./conversation.ts";
import { ToolCard } from "./tool-card.tsx";

const TOOL: ToolPart = {
  type: "tool",
  id: "c",
  name: "execute",
  args: { command: "make" },
  status: "running",
  content: "",
  detail: null,
  liveOutput: "",
  liveOutputCut: false,
};

function render(tool: Partial<ToolPart>, stopped = false): string {
  return renderToStaticMarkup(
    <ToolCard tool={{ ...TOOL, ...tool }} stopped={stopped} onOpenFile={() => {}} />,
  );
}

const COMMAND = {
  kind: "command",
  command: "make",
  outcome: "exited",
  exit_code: 0,
  signal: null,
  output: "",
  truncated: false,
  duration_ms: 1234,
} as const;

test("a running command shows what it has written so far", () => {
  const html = render({ liveOutput: "compiling\n" });
  expect(html).toContain("compiling");
  expect(html).toContain("running");
});

test("a finished command shows its output, exit code and duration", () => {
  const detail = { ...COMMAND, exit_code: 2, output: "no rule\n" };
  const html = render({ status: "success", detail });
  expect(html).toContain("no rule");
  expect(html).toContain("exit 2");
  expect(html).toContain("1.2 s");
});

test("of a long output the last lines are shown, and how many there are before them", () => {
  const output = Array.from({ length: 100 }, (_, index) => `line ${index}\n`).join("");
  const html = render({ status: "success", detail: { ...COMMAND, output } });
  expect(html).toContain("line 99");
  expect(html).not.toContain("line 87\n");
  expect(html).toContain("Show 88 more lines");
});

test.each([
  "<img src=x onerror=alert(1)>",
  "\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007",
  "https://attacker.test/",
])("output %j becomes neither markup nor a link", (output) => {
  const html = render({ status: "success", detail: { ...COMMAND, output } });
  expect(html).not.toContain("<img");
  expect(html).not.toContain("<a ");
  expect(html).not.toContain("href");
});

test("names and arguments from a model are text", () => {
  const html = render({
    name: "<script>alert(1)</script>",
    args: { path: '"><svg onload=alert(1)>\u202e' },
    status: "error",
    content: "<img src=x>",
  });
  expect(html).not.toMatch(/<script|<svg onload|<img/);
  expect(html).toContain(String.raw`\u202e`);
});

test("an edit shows which lines went and came", () => {
  const detail = {
    kind: "edit",
    path: "/workspace/a.py",
    old_text: "print(1)",
    new_text: "print(2)",
    replacements: 1,
    first_line: 7,
  } as const;
  const html = render({ name: "edit_file", args: { path: "a.py" }, status: "success", detail });
  expect(html).toMatch(/diff-removed.*print\(1\).*diff-added.*print\(2\)/s);
  expect(html).toContain("from line 7");
  expect(html).toContain("1 replacement");
  expect(html).toContain("Open file");
});

test("a failed call shows why", () => {
  const html = render({
    name: "read_file",
    args: { path: "nope" },
    status: "error",
    content: "There is no file nope.",
  });
  expect(html).toContain("There is no file nope.");
  expect(html).toContain("tool-card-bad");
});

test("a command that the person stopped keeps its output and is no error", () => {
  const interrupted = { status: "error", content: "Stopped.", liveOutput: "half\n" } as const;
  const html = render(interrupted, true);
  expect(html).toContain("half");
  expect(html).not.toContain("Stopped.");
  expect(html).toContain(">stopped<");
  expect(html).not.toContain("tool-card-bad");
});

test("a call that succeeded before the stop stays as it was", () => {
  const html = render({ name: "ls", args: {}, status: "success", content: "a.py" }, true);
  expect(html).not.toContain(">stopped<");
});
