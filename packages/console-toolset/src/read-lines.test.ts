import { expect, test } from "vitest";
import { readRange } from "./read-lines.ts";
import { openWorkbench } from "./testing/workbench.ts";

const signal = new AbortController().signal;

test.for([
  "",
  "\n",
  "one",
  "one\n",
  "one\ntwo\n\n",
  "dos\r\nlines\r\n",
  "\ufeffbom\n",
  "a\0b",
  `${"x".repeat(9000)}\nlate\0nul`,
])("the lines of %j are those that the sandbox gives", async (content) => {
  await using bench = await openWorkbench();
  const { hash } = await bench.sandbox.write("a", content);

  for (const [offset, limit] of [
    [0, 2000],
    [1, 1],
    [5, 1],
  ] as const) {
    const found = await readRange(bench.sandbox, "a", { offset, limit, signal });

    expect(found?.range).toEqual(await bench.sandbox.readLines("a", { offset, limit }));
    expect(found?.hash).toBe(hash);
  }
});

test("bytes that are no UTF-8 are shown as the sandbox shows them", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a", new Uint8Array([0x61, 0xe2, 0x82, 0x0a, 0xff, 0x62]));

  const found = await readRange(bench.sandbox, "a", { offset: 0, limit: 10, signal });

  expect(found?.range).toEqual(await bench.sandbox.readLines("a", { limit: 10 }));
});

test("of a file that is too large to be read whole there is no hash", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a", "line\n".repeat(200_000));

  const found = await readRange(bench.sandbox, "a", { offset: 199_999, limit: 1, signal });

  expect(found).toMatchObject({ hash: null, range: { lines: ["line"], nextOffset: null } });
});
