import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTool, openWorkbench } from "../testing/workbench.ts";

test("ls counts the entries and tells directories from files with their sizes", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("src/main.py", "print(1)\n");
  await bench.sandbox.write(".env", "A");
  await bench.sandbox.write("data.csv", "x".repeat(12_345));
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "ls");

  expect(answer.status).toBe("success");
  expect(answer.artifact).toBeUndefined();
  expect(answer.text.split("\n")).toEqual([
    "/workspace: 3 entries",
    ".env\t1 byte",
    "data.csv\t12,345 bytes",
    "src/",
  ]);
});

test("ls tells links and what is neither file nor directory", async () => {
  await using bench = await openWorkbench();
  const entry = { sizeBytes: 0, mode: 0o644, modifiedAt: "2026-01-01T00:00:00.000Z" };
  const backend: Sandbox = {
    ...bench.sandbox,
    ls: async () => [
      { ...entry, path: "/workspace/pipe", name: "pipe", type: "other" },
      { ...entry, path: "/workspace/start", name: "start", type: "symlink" },
    ],
  };

  const { text } = await callTool(createConsoleToolset({ backend }), "ls");

  expect(text.split("\n").slice(1)).toEqual(["pipe\tno regular file", "start\tlink"]);
});

test("ls says that a directory is empty", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.mkdir("empty");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "ls", { path: "empty" });

  expect(answer).toMatchObject({
    status: "success",
    content: "/workspace/empty is an empty directory.",
  });
});

test("ls of a missing path is an error and not an empty directory", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "ls", { path: "nowhere" });

  expect(answer.status).toBe("error");
  expect(answer.text).toMatch(/^Error: .*nowhere/);
  expect(answer.text).not.toContain("empty");
});

test("ls of a file says that a directory is needed", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "a");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "ls", { path: "a.txt" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("a.txt");
});

test("ls shows as many entries as fit and says how many are left", async () => {
  await using bench = await openWorkbench();
  const names = Array.from({ length: 100 }, (_, index) => `${"n".repeat(20)}-${index + 100}`);
  await bench.sandbox.execute(`touch ${names.join(" ")}`);
  const tools = createConsoleToolset({ backend: bench.sandbox, maxResultCharacters: 1000 });

  const lines = (await callTool(tools, "ls")).text.split("\n");

  const shown = lines.filter((line) => line.startsWith("nnn")).length;
  expect(lines[0]).toBe("/workspace: 100 entries");
  expect(shown).toBeGreaterThan(10);
  expect(lines.at(-1)).toBe(`[${100 - shown} more. Find the others by a pattern of their names.]`);
});

test("a name with a line break is one line, and can be given as it is shown", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a\nb.txt", "found\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const [count, entry, note] = (await callTool(tools, "ls")).text.split("\n");

  expect(count).toBe("/workspace: 1 entry");
  expect(entry).toBe('"a\\nb.txt"\t6 bytes');
  expect(note).toMatch(/JSON string/);
  const path: unknown = JSON.parse(entry!.split("\t")[0]!);
  expect((await callTool(tools, "read_file", { path })).text).toBe("     1\tfound");
});

test("ls of a directory that is too large advises what the model has, and no pages", async () => {
  await using bench = await openWorkbench();
  const message = "There are more than 100000 entries; give a limit, and after for the next page.";
  const backend: Sandbox = {
    ...bench.sandbox,
    ls: () => Promise.reject(new SandboxError({ code: "too-large", message })),
  };

  const { status, text } = await callTool(
    createConsoleToolset({ backend, prefix: "box_" }),
    "box_ls",
  );

  expect(status).toBe("error");
  expect(text).toContain("by a pattern of their names, with box_glob.");
  expect(text).not.toMatch(/limit|page/);
});
