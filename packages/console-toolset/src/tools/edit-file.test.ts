import { expect, test } from "vitest";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTogether, callTool, openWorkbench } from "../testing/workbench.ts";

const textOf = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? undefined);

test("edit_file replaces the one occurrence and tells where it was", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.py", "x = 1\ny = 2\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "edit_file", {
    path: "a.py",
    old_string: "y = 2",
    new_string: "y = 3",
  });

  expect(answer.status).toBe("success");
  expect(answer.text).toBe("Edited /workspace/a.py: replaced 1 occurrence, at line 2.");
  expect(answer.artifact).toEqual({
    kind: "edit",
    path: "/workspace/a.py",
    oldText: "y = 2",
    newText: "y = 3",
    replacements: 1,
    firstLine: 2,
  });
  expect(textOf(await bench.sandbox.read("a.py"))).toBe("x = 1\ny = 3\n");
});

test("edit_file replaces every occurrence only when asked to", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "a\nb\na\na\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  const args = { path: "a.txt", old_string: "a", new_string: "c" };

  const refused = await callTool(tools, "edit_file", args);
  const kept = textOf(await bench.sandbox.read("a.txt"));
  const accepted = await callTool(tools, "edit_file", { ...args, replace_all: true });

  expect(refused.status).toBe("error");
  expect(refused.text).toContain("occurs 3 times (lines 1, 3, 4)");
  expect(refused.text).toContain("replace_all=true");
  expect(kept).toBe("a\nb\na\na\n");
  expect(accepted.text).toContain("replaced 3 occurrences, the first at line 1");
});

test.for([
  { old_string: "absent", says: "Read the file again and copy the text exactly" },
  { old_string: "     1\tone\n     2\ttwo", says: "leave out the number and the tab" },
  { old_string: "\ufffd", says: "bytes that are no UTF-8" },
])("edit_file says what to do where $old_string does not occur", async ({ old_string, says }) => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one\ntwo\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "edit_file", { path: "a.txt", old_string, new_string: "x" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("does not occur in a.txt");
  expect(answer.text).toContain(says);
});

test("edit_file of a file with CRLF line breaks takes and keeps them", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("dos.txt", "one\r\ntwo\r\nthree\r\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const lines = { path: "dos.txt", old_string: "one\ntwo\n", new_string: "1\n2\n" };
  expect((await callTool(tools, "edit_file", lines)).status).toBe("success");
  const word = { path: "dos.txt", old_string: "three", new_string: "3\n4" };
  expect((await callTool(tools, "edit_file", word)).status).toBe("success");

  expect(textOf(await bench.sandbox.read("dos.txt"))).toBe("1\r\n2\r\n3\r\n4\r\n");
});

test("edit_file leaves the other line breaks of a mixed file as they are", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("mixed.txt", "a\nb\nc\r\nd\r\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  const edit = (old_string: string, new_string: string) =>
    callTool(tools, "edit_file", { path: "mixed.txt", old_string, new_string });

  await edit("a\nb", "A\nB");
  await edit("c\nd", "C\nD");

  expect(textOf(await bench.sandbox.read("mixed.txt"))).toBe("A\nB\nC\r\nD\r\n");
});

test("edit_file is refused after a change since the file was read", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  await callTool(tools, "read_file", { path: "a.txt" });
  await bench.sandbox.execute("echo two >> a.txt");
  const args = { path: "a.txt", old_string: "one", new_string: "1" };

  const refused = await callTool(tools, "edit_file", args);
  await callTool(tools, "read_file", { path: "a.txt" });
  const accepted = await callTool(tools, "edit_file", args);

  expect(refused.status).toBe("error");
  expect(refused.text).toContain("changed since you last read it");
  expect(accepted.status).toBe("success");
});

test("edits of one file that the model sends at once are all made", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one two three");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  await callTool(tools, "read_file", { path: "a.txt" });

  const answers = await callTogether(
    tools,
    [
      ["one", "1"],
      ["two", "2"],
      ["three", "3"],
    ].map(([old_string, new_string]) => ({
      name: "edit_file",
      args: { path: "a.txt", old_string, new_string },
    })),
  );

  expect(answers.map(({ status }) => status)).toEqual(["success", "success", "success"]);
  expect(textOf(await bench.sandbox.read("a.txt"))).toBe("1 2 3");
});

test("a file that was read in part can be edited after its own earlier edits", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one\ntwo\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  const edit = (old_string: string, new_string: string) =>
    callTool(tools, "edit_file", { path: "a.txt", old_string, new_string });
  await callTool(tools, "read_file", { path: "a.txt", limit: 1 });

  await edit("one", "1");

  expect((await edit("two", "2")).status).toBe("success");
});

test.for([
  { args: { path: "nowhere.txt", old_string: "a", new_string: "b" }, says: "nowhere.txt" },
  {
    args: { path: "a.txt", old_string: "", new_string: "b" },
    says: "must not be empty\n  → at old_string",
  },
  { args: { path: "a.txt", old_string: "a", new_string: "a" }, says: "are the same" },
])("edit_file refuses $args with: $says", async ({ args, says }) => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "a");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "edit_file", args);

  expect(answer.status).toBe("error");
  expect(answer.text).toContain(says);
});

test.for([
  { field: "old_string", length: 64 * 1024 + 1 },
  { field: "new_string", length: 256 * 1024 + 1 },
])("edit_file refuses $length characters of $field", async ({ field, length }) => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "a");
  const tools = createConsoleToolset({ backend: bench.sandbox });
  const args = { path: "a.txt", old_string: "a", new_string: "b", [field]: "x".repeat(length) };

  const answer = await callTool(tools, "edit_file", args);

  expect(answer.status).toBe("error");
  expect(answer.text).toContain(`→ at ${field}`);
});

// With a search that begins anew at every character each of these takes many seconds.
test.for([
  { sizeBytes: 2 * 1024 * 1024, old_string: `ab${"a".repeat(12_000)}`, says: "does not occur" },
  { sizeBytes: 1024 * 1024 - 1, old_string: "a".repeat(60_000), says: "occurs 17 times" },
])(
  "edit_file of a file and a text made to be slow to search ends: it $says",
  { timeout: 10_000 },
  async ({ sizeBytes, old_string, says }) => {
    await using bench = await openWorkbench();
    await bench.sandbox.write("a.txt", "a".repeat(sizeBytes));
    const tools = createConsoleToolset({ backend: bench.sandbox });
    const args = { path: "a.txt", old_string, new_string: "x" };

    const answer = await callTool(tools, "edit_file", args);

    expect(answer.status).toBe("error");
    expect(answer.text).toContain(says);
  },
);
