import { expect, test } from "vitest";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTool, openWorkbench } from "../testing/workbench.ts";

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join("");

test("read_file numbers the lines as they are numbered in the file", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one\n\ntwo");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "read_file", { path: "a.txt" });

  expect(answer.status).toBe("success");
  expect(answer.artifact).toBeUndefined();
  expect(answer.text).toBe("     1\tone\n     2\t\n     3\ttwo");
});

test("read_file says how to go on, and goes on with the right numbers", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("long.txt", numbered(5000));
  const tools = createConsoleToolset({ backend: bench.sandbox, maxResultCharacters: 100_000 });

  const first = await callTool(tools, "read_file", { path: "long.txt" });
  const middle = await callTool(tools, "read_file", { path: "long.txt", offset: 2000, limit: 1 });
  const last = await callTool(tools, "read_file", { path: "long.txt", offset: 4999 });

  expect(first.text).toContain("  2000\tline 2000\n");
  expect(first.text).not.toContain("line 2001");
  expect(first.text.split("\n").at(-1)).toBe(
    "[Lines 1 to 2000 of 5000. There is more: use offset=2000 to go on.]",
  );
  expect(middle.text).toBe(
    "  2001\tline 2001\n[Lines 2001 to 2001 of 5000. There is more: use offset=2001 to go on.]",
  );
  expect(last.text).toBe("  5000\tline 5000\n[Lines 5000 to 5000 of 5000: the end of the file.]");
});

test("read_file stops at the bound on its result and says where to go on", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("long.txt", numbered(500));
  const tools = createConsoleToolset({ backend: bench.sandbox, maxResultCharacters: 1000 });

  const { text } = await callTool(tools, "read_file", { path: "long.txt" });

  const next = /use offset=(\d+) to go on/.exec(text)?.[1];
  expect(text.length).toBeLessThan(1200);
  expect(text).toContain(`line ${next}\n`);
  expect(
    (await callTool(tools, "read_file", { path: "long.txt", offset: Number(next) })).text,
  ).toMatch(new RegExp(`^ +${Number(next) + 1}\\tline ${Number(next) + 1}\\n`));
});

test("read_file reads a file that is too large to be read whole", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("large.txt", numbered(100_000));
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const { text } = await callTool(tools, "read_file", {
    path: "large.txt",
    offset: 99_998,
    limit: 1,
  });

  expect(text).toContain(" 99999\tline 99999\n[Lines 99999 to 99999");
  expect(text).toContain("use offset=99999 to go on");
});

test("read_file cuts a long line and says how much is missing", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("wide.txt", `${"x".repeat(5000)}\nshort\n`);
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const [first, second] = (await callTool(tools, "read_file", { path: "wide.txt" })).text.split(
    "\n",
  );

  expect(first).toBe(`     1\t${"x".repeat(2000)}[… 3000 more characters]`);
  expect(second).toBe("     2\tshort");
});

test("read_file shows no carriage returns of CRLF line breaks", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("dos.txt", "one\r\ntwo\r\n");
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const { text } = await callTool(tools, "read_file", { path: "dos.txt" });

  expect(text).toBe("     1\tone\n     2\ttwo");
});

test.for([
  { path: "empty.txt", status: "success", says: "[empty.txt is empty.]" },
  { path: "nowhere.txt", status: "error", says: "there is no file nowhere.txt" },
  { path: "folder", status: "error", says: "Give the path of a file." },
  {
    path: "a.txt",
    offset: 9,
    status: "error",
    says: "offset=9 is past the end: a.txt has only 2 lines",
  },
  { path: "a.bin", status: "error", says: "a.bin is a binary file" },
])("read_file of $path says: $says", async ({ status, says, ...args }) => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("empty.txt", "");
  await bench.sandbox.mkdir("folder");
  await bench.sandbox.write("a.txt", "1\n2\n");
  await bench.sandbox.write("a.bin", new Uint8Array([1, 0, 2]));
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "read_file", args);

  expect(answer.status).toBe(status);
  expect(answer.text).toContain(says);
});
