import { ToolMessage } from "@langchain/core/messages";
import { expect, test } from "vitest";
import { createConsoleToolset } from "./create-console-toolset.ts";
import { openWorkbench, QUESTION, scriptedAgent } from "./testing/workbench.ts";

// Goes on only when the test has seen the first line.
const COMMAND = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two >&2; exit 2";
const CALL = { name: "execute", args: { command: COMMAND } };

test("a run that is watched by its tools sees the output while the command runs", async () => {
  await using bench = await openWorkbench();
  const agent = scriptedAgent(createConsoleToolset({ backend: bench.sandbox }), [CALL]);
  const events: string[] = [];
  const answers: ToolMessage[] = [];
  let runningAtFirst: boolean | undefined;

  const stream = await agent.stream(QUESTION, { streamMode: ["messages", "tools"] });
  for await (const [mode, data] of stream) {
    if (mode === "messages") {
      if (ToolMessage.isInstance(data[0])) answers.push(data[0]);
      continue;
    }
    if (data.event === "on_tool_event") {
      const [process] = await bench.sandbox.processes();
      runningAtFirst ??= process?.result === null;
      await bench.sandbox.write("go", "");
    }
    events.push(data.event === "on_tool_event" ? `${data.event} ${String(data.data)}` : data.event);
  }

  expect(events).toEqual([
    "on_tool_start",
    "on_tool_event one\n",
    "on_tool_event two\n",
    "on_tool_end",
  ]);
  expect(runningAtFirst).toBe(true);
  expect(answers).toMatchObject([
    {
      status: "success",
      content: "one\ntwo\n[exit code 2]",
      artifact: { kind: "command", exitCode: 2, output: "one\ntwo\n" },
    },
  ]);
});

test("the events of a run carry the output as increments and the answer with its artifact", async () => {
  await using bench = await openWorkbench();
  const agent = scriptedAgent(createConsoleToolset({ backend: bench.sandbox }), [CALL]);
  const seen: unknown[] = [];

  const run = await agent.streamEvents(QUESTION, { version: "v3" });
  for await (const { method, params } of run) {
    if (method !== "tools") continue;
    seen.push(params.data);
    await bench.sandbox.write("go", "");
  }

  expect(seen).toMatchObject([
    { event: "tool-started", tool_call_id: "call-1", tool_name: "execute" },
    { event: "tool-output-delta", delta: "one\n" },
    { event: "tool-output-delta", delta: "two\n" },
    { event: "tool-finished", output: { status: "success", artifact: { kind: "command" } } },
  ]);
});

test("a character that is written in two pieces is streamed whole", async () => {
  await using bench = await openWorkbench();
  const euro = new TextEncoder().encode("€");
  const chunks = [euro.subarray(0, 1), euro.subarray(1)].map((data, index) => ({
    sequence: index + 1,
    stream: "stdout" as const,
    data,
  }));
  const backend = {
    ...bench.sandbox,
    spawn: async (...args: Parameters<typeof bench.sandbox.spawn>) => {
      const process = await bench.sandbox.spawn(...args);
      return {
        id: process.id,
        result: process.result,
        write: process.write.bind(process),
        closeStdin: process.closeStdin.bind(process),
        kill: process.kill.bind(process),
        output: (async function* () {
          yield* chunks;
        })(),
      };
    },
  };
  const agent = scriptedAgent(createConsoleToolset({ backend }), [
    { name: "execute", args: { command: "true" } },
  ]);
  const data: unknown[] = [];

  for await (const event of await agent.stream(QUESTION, { streamMode: "tools" })) {
    if (event.event === "on_tool_event") data.push(event.data);
  }

  expect(data).toEqual(["€"]);
});
