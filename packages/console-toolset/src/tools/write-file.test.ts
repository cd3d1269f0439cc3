import { SandboxError } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTool, openWorkbench } from "../testing/workbench.ts";

const textOf = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined);

test("write_file creates a file with its directories and tells its size", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "write_file", { path: "a/b.txt", content: "één\ntwee\n" });

  expect(answer.status).toBe("success");
  expect(answer.text).toBe("Created /workspace/a/b.txt: 2 lines, 11 bytes.");
  expect(answer.artifact).toEqual({
    kind: "write",
    path: "/workspace/a/b.txt",
    created: true,
    sizeBytes: 11,
    lineCount: 2,
  });
  expect(textOf(await bench.sandbox.read("a/b.txt"))).toBe("één\ntwee\n");
});

test("write_file replaces a file that the conversation never read", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "old");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "write_file", { path: "a.txt", content: "" });

  expect(answer.text).toBe("Replaced /workspace/a.txt: 0 lines, 0 bytes.");
});

test("write_file does not write over a change since the file was read", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  const thread = { configurable: { thread_id: "t1" } };
  await callTool(tools, "read_file", { path: "./a.txt" }, thread);
  await bench.sandbox.write("a.txt", "two");

  const args = { path: "/workspace/a.txt", content: "mine" };
  const refused = await callTool(tools, "write_file", args, thread);
  const kept = textOf(await bench.sandbox.read("a.txt"));
  await callTool(tools, "read_file", { path: "a.txt" }, thread);
  const accepted = await callTool(tools, "write_file", args, thread);

  expect(refused.status).toBe("error");
  expect(refused.text).toContain("changed since you last read it");
  expect(refused.artifact).toBeUndefined();
  expect(kept).toBe("two");
  expect(accepted.status).toBe("success");
});

test("what one conversation read does not bind another", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  await callTool(tools, "read_file", { path: "a.txt" }, { configurable: { thread_id: "t1" } });
  await bench.sandbox.write("a.txt", "two");

  const answer = await callTool(
    tools,
    "write_file",
    { path: "a.txt", content: "three" },
    { configurable: { thread_id: "t2" } },
  );

  expect(answer.status).toBe("success");
});

test("write_file writes anew a file that was read and then deleted", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  await callTool(tools, "read_file", { path: "a.txt" });
  await bench.sandbox.remove("a.txt");

  const answer = await callTool(tools, "write_file", { path: "a.txt", content: "two" });

  expect(answer.text).toBe("Created /workspace/a.txt: 1 line, 3 bytes.");
});

test("write_file on a directory says so", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.mkdir("folder");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "write_file", { path: "folder", content: "x" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("Give the path of a file.");
});

test("write_file on a full disk says what to do", async () => {
  await using bench = await openWorkbench();
  const full = new SandboxError({ code: "no-space", message: "The disk is full." });
  const backend = { ...bench.sandbox, write: () => Promise.reject(full) };
  const tools = createConsoleToolset({ backend });

  const answer = await callTool(tools, "write_file", { path: "a.txt", content: "x" });

  expect(answer.text).toBe(
    "Error: The disk is full. Delete files that are not needed, then try again.",
  );
});
