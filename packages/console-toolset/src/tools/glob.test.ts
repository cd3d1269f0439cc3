import { expect, test } from "vitest";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTool, openWorkbench } from "../testing/workbench.ts";

test("glob gives absolute paths that can be read as they are", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.py", "1");
  await bench.sandbox.write("src/deep/b.py", "2");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "glob", { pattern: "**/*.py" });
  const [count, ...paths] = answer.text.split("\n");

  expect(answer.status).toBe("success");
  expect(count).toBe("/workspace: 2 files");
  expect(paths).toEqual(["/workspace/a.py", "/workspace/src/deep/b.py"]);
  expect((await callTool(tools, "read_file", { path: paths[1] })).text).toBe("     1\t2");
});

test("glob takes an absolute pattern", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("src/a.ts", "1");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const found = await callTool(tools, "glob", { pattern: "/workspace/src/*.ts" });
  const exact = await callTool(tools, "glob", { pattern: "/workspace/src/a.ts" });

  expect(found.text).toBe("/workspace/src: 1 file\n/workspace/src/a.ts");
  expect(exact.text).toBe(found.text);
});

test("glob that finds nothing says how to look further", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("src/a.ts", "1");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "glob", { pattern: "*.ts" });

  expect(answer.status).toBe("success");
  expect(answer.text).toBe(
    'No file in /workspace matches "*.ts". Use "**/*.ts" to look in subdirectories too. Names that begin with a dot were left out; hidden=true finds them.',
  );
});

test("glob finds hidden files when asked to", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write(".github/ci.yml", "1");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const { text } = await callTool(tools, "glob", { pattern: "**/*.yml", hidden: true });

  expect(text).toContain("/workspace/.github/ci.yml");
});

test("glob says when there are more files than it returns", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.execute("for i in $(seq 100 700); do echo > f$i; done");
  const tools = createConsoleToolset({ backend: bench.sandbox, maxResultCharacters: 1000 });

  const lines = (await callTool(tools, "glob", { pattern: "f*" })).text.split("\n");

  const shown = lines.filter((line) => line.startsWith("/workspace/f")).length;
  expect(lines[0]).toBe("/workspace: 500 files, and there may be more");
  expect(lines.slice(-2)).toEqual([
    `[${500 - shown} more do not fit.]`,
    "[Give a narrower pattern or path to see the others.]",
  ]);
});

test("a path with a line break is one line", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a\nb.txt", "1");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const [, path, note, ...rest] = (await callTool(tools, "glob", { pattern: "*" })).text.split(
    "\n",
  );

  expect(path).toBe('"/workspace/a\\nb.txt"');
  expect(note).toContain("JSON string");
  expect(rest).toEqual([]);
});

test("glob in a missing directory is an error", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "glob", { pattern: "*", path: "nowhere" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("nowhere");
});

test("glob that ran out of time is not an empty result", async () => {
  await using bench = await openWorkbench();
  const backend = { ...bench.sandbox, glob: async () => ({ files: [], truncated: true }) };

  const { text } = await callTool(createConsoleToolset({ backend }), "glob", { pattern: "**/*" });

  expect(text).toContain("took too long");
});
