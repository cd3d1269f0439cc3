import { expect, test, vi } from "vitest";
import { createConsoleToolset } from "./create-console-toolset.ts";
import { openWorkbench, QUESTION, scriptedAgent } from "./testing/workbench.ts";

const DEADLINE = { timeout: 20_000 };
const SLEEP = { name: "execute", args: { command: "echo begun; sleep 60" } };

test("an abort of the run kills the command and ends the run as aborted", async () => {
  await using bench = await openWorkbench();
  const agent = scriptedAgent(createConsoleToolset({ backend: bench.sandbox }), [SLEEP]);
  const controller = new AbortController();

  const stream = await agent.stream(QUESTION, { streamMode: "tools", signal: controller.signal });
  const watched = (async () => {
    for await (const { event } of stream) if (event === "on_tool_event") controller.abort();
  })();

  await expect(watched).rejects.toThrow(/abort/i);
  await vi.waitFor(async () => {
    const [process] = await bench.sandbox.processes();
    expect(process?.result?.outcome).toBe("cancelled");
  }, DEADLINE);
});

test("an abort ends a run that is not watched, and no error is reported for it", async () => {
  await using bench = await openWorkbench();
  const reported: unknown[] = [];
  const tools = createConsoleToolset({
    backend: bench.sandbox,
    onError: (error) => reported.push(error),
  });
  const controller = new AbortController();

  const run = scriptedAgent(tools, [SLEEP]).invoke(QUESTION, { signal: controller.signal });
  const ended = expect(run).rejects.toThrow(/abort/i);
  await vi.waitFor(async () => expect(await bench.sandbox.processes()).toHaveLength(1), DEADLINE);
  controller.abort();

  await ended;
  await vi.waitFor(async () => {
    const [process] = await bench.sandbox.processes();
    expect(process?.result?.outcome).toBe("cancelled");
  }, DEADLINE);
  expect(reported).toEqual([]);
});

test("every operation of a sandbox gets the signal of the run", async () => {
  await using bench = await openWorkbench();
  await bench.sandbox.write("a.txt", "one\ntwo\n");
  const missing: string[] = [];
  const backend = new Proxy(bench.sandbox, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        const options = args.at(-1);
        const signal = typeof options === "object" && options !== null && "signal" in options;
        if (!signal) missing.push(String(name));
        return member.apply(target, args);
      };
    },
  });
  const edit = { path: "a.txt", old_string: "one\ntwo", new_string: "1\n2" };
  const agent = scriptedAgent(createConsoleToolset({ backend }), [
    { name: "ls", args: {} },
    { name: "read_file", args: { path: "a.txt" } },
    { name: "write_file", args: { path: "b.txt", content: "x" } },
    { name: "edit_file", args: edit },
    { name: "edit_file", args: edit },
    { name: "glob", args: { pattern: "*" } },
    { name: "grep", args: { pattern: "x" } },
    { name: "execute", args: { command: "true" } },
  ]);

  await agent.invoke(QUESTION);

  expect(missing).toEqual([]);
});
