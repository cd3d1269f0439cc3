import { expect, test } from "vitest";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTool, openWorkbench } from "../testing/workbench.ts";

test("grep gives path, line and text", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.py", "import os\ndef main():\n    pass\n");
  await bench.sandbox.write("src/b.py", "def other(): pass\r\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "grep", { pattern: "^def (main|other)" });

  expect(answer.status).toBe("success");
  expect(answer.text).toBe(
    [
      "/workspace: 2 lines in 2 files",
      "/workspace/a.py:2: def main():",
      "/workspace/src/b.py:1: def other(): pass",
    ].join("\n"),
  );
});

test("grep searches as text, without case, in the files and directory it is told", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("src/a.ts", "A.B(\n");
  await bench.sandbox.write("src/a.md", "a.b(\n");
  await bench.sandbox.write("b.ts", "a.b(\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const { text } = await callTool(tools, "grep", {
    pattern: "a.b(",
    path: "src",
    glob: "*.ts",
    literal: true,
    ignore_case: true,
  });

  expect(text).toBe("src: 1 line in 1 file\n/workspace/src/a.ts:1: A.B(");
});

test("grep that finds nothing says that hidden files were left out", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write(".env", "TOKEN=1\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const none = await callTool(tools, "grep", { pattern: "TOKEN" });
  const found = await callTool(tools, "grep", { pattern: "TOKEN", hidden: true });

  expect(none).toMatchObject({
    status: "success",
    content:
      "No line in /workspace matches. Names that begin with a dot were left out; hidden=true searches them.",
  });
  expect(found.text).toContain("/workspace/.env:1: TOKEN=1");
});

test("grep cuts a long line around the match", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("min.js", `${"a".repeat(4000)}function needle()${"b".repeat(4000)}\n`);
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const [, row] = (await callTool(tools, "grep", { pattern: "needle\\(" })).text.split("\n");

  expect(row).toMatch(/^\/workspace\/min\.js:1: …a+function needle\(\)b+…$/);
  expect(row!.length).toBeLessThan(350);
});

test("grep says when there are more lines than it returns", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "same\n".repeat(300));
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const lines = (await callTool(tools, "grep", { pattern: "same" })).text.split("\n");

  expect(lines).toHaveLength(202);
  expect(lines[0]).toBe("/workspace: 200 lines in 1 file, and there may be more");
  expect(lines.at(-1)).toBe("[Give a narrower pattern, path or glob to see the others.]");
});

test("grep answers an expression that is none with what to do", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "a");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "grep", { pattern: "foo(" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("literal=true");
});

test("grep in a missing path is an error and not an empty result", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "grep", { pattern: "a", path: "nowhere" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("nowhere");
});

test("a path with a line break is one line", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a\nb.txt", "found\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const lines = (await callTool(tools, "grep", { pattern: "found" })).text.split("\n");

  expect(lines[1]).toBe('"/workspace/a\\nb.txt":1: found');
  expect(lines).toHaveLength(3);
});
