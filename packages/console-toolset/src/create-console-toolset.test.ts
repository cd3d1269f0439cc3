import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import type { ToolRuntime } from "@langchain/core/tools";
import { AIMessage } from "@langchain/core/messages";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import { createAgent, createMiddleware, fakeModel } from "langchain";
import { expect, test } from "vitest";
import { z } from "zod";
import { CONSOLE_TOOL_NAMES } from "./console-tool.ts";
import { createConsoleToolset } from "./create-console-toolset.ts";
import { callTogether, callTool, openWorkbench, QUESTION } from "./testing/workbench.ts";

test("all tools are made, in a fixed order, unless some are asked for", async () => {
  await using bench = await openWorkbench();
  const names = (tools: { name: string }[]): string[] => tools.map(({ name }) => name);

  const all = createConsoleToolset({ backend: bench.sandbox });
  const some = createConsoleToolset({ backend: bench.sandbox, include: ["grep", "ls"] });
  const prefixed = createConsoleToolset({
    backend: bench.sandbox,
    include: ["execute"],
    prefix: "sandbox_",
  });

  expect(names(all)).toEqual([...CONSOLE_TOOL_NAMES]);
  expect(names(some)).toEqual(["ls", "grep"]);
  expect(names(prefixed)).toEqual(["sandbox_execute"]);
  expect((await callTool(prefixed, "sandbox_execute", { command: "echo hi" })).text).toContain(
    "hi",
  );
});

test("every tool and every argument is described, and other arguments are refused", async () => {
  await using bench = await openWorkbench();
  for (const { schema, description } of createConsoleToolset({ backend: bench.sandbox })) {
    const json = toJsonSchema(schema);
    expect(description.length).toBeGreaterThan(40);
    expect(json).toMatchObject({ type: "object", additionalProperties: false });
    for (const property of Object.values("properties" in json ? json.properties : {})) {
      expect(property).toHaveProperty("description");
    }
  }
});

test.for([
  ["prefix", { prefix: "my tools" }],
  ["executeTimeoutMs", { executeTimeoutMs: 0 }],
  ["executeTimeoutMs", { executeTimeoutMs: 2000, maxExecuteTimeoutMs: 1000 }],
  ["maxExecuteTimeoutMs", { maxExecuteTimeoutMs: Number.POSITIVE_INFINITY }],
  ["maxResultCharacters", { maxResultCharacters: 10 }],
] as const)("an option %s out of its bounds is refused: %o", async ([name, options]) => {
  await using bench = await openWorkbench();
  expect(() => createConsoleToolset({ backend: bench.sandbox, ...options })).toThrow(name);
});

test.for([
  ["read_file", {}, "→ at path"],
  ["read_file", { path: 7 }, "expected string, received number\n  → at path"],
  ["read_file", { path: "a", offset: -1 }, "→ at offset"],
  ["read_file", { path: "a", limit: 1.5 }, "→ at limit"],
  ["write_file", { path: "a" }, "→ at content"],
  ["edit_file", { path: "a", old_string: "x" }, "→ at new_string"],
  ["grep", { pattern: "" }, "→ at pattern"],
  ["glob", { pattern: ["*"] }, "→ at pattern"],
  ["execute", { command: null }, "→ at command"],
  ["execute", { command: "true", timeout_seconds: "10" }, "→ at timeout_seconds"],
  ["execute", { command: "true", session_id: "bob" }, 'Unrecognized key: "session_id"'],
  ["ls", { path: ".", user_id: "bob" }, 'Unrecognized key: "user_id"'],
] as const)("%s answers wrong arguments %o by naming them", async ([name, args, says]) => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, name, args);

  expect(answer.status).toBe("error");
  expect(answer.text).toContain(`Correct them and call ${name} again`);
  expect(answer.text).toContain(says);
  expect(answer.text).not.toMatch(/node_modules|\bat async\b/);
});

test("wrong arguments are an answer also where a middleware wraps the calls", async () => {
  await using bench = await openWorkbench();
  const middleware = createMiddleware({
    name: "wrapping",
    wrapToolCall: (request, handler) => handler(request),
  });
  const model = fakeModel()
    .respondWithTools([{ name: "execute", args: {} }])
    .respond(new AIMessage("done"));
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const { messages } = await createAgent({ model, tools, middleware: [middleware] }).invoke(
    QUESTION,
  );

  expect(messages.at(-2)).toMatchObject({ type: "tool", status: "error" });
});

test("a tool that the model makes up is answered", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "delete_everything", { path: "/" });

  expect(answer.status).toBe("error");
});

test("two users are never mixed: the context alone decides whose sandbox it is", async () => {
  await using bench = await openWorkbench();
  const sandboxes = new Map<string, Sandbox>([
    ["alice", bench.managed],
    ["bob", await bench.provider.create("bob")],
  ]);
  const contextSchema = z.object({ userId: z.string() });
  const tools = createConsoleToolset({
    backend: (runtime: ToolRuntime<unknown, typeof contextSchema>) =>
      sandboxes.get(runtime.context.userId)!,
  });
  const write = (userId: string) =>
    callTool(tools, "write_file", { path: "who.txt", content: userId }, { context: { userId } });
  const read = async (userId: string) =>
    (await callTool(tools, "read_file", { path: "who.txt" }, { context: { userId } })).text;

  await Promise.all(Array.from({ length: 5 }, () => [write("alice"), write("bob")]).flat());
  const seen = await Promise.all(
    Array.from({ length: 5 }, () => [read("alice"), read("bob")]).flat(),
  );

  expect(new Set(seen)).toEqual(new Set(["     1\talice", "     1\tbob"]));
  expect(seen.slice(0, 2)).toEqual(["     1\talice", "     1\tbob"]);
});

test("the backend function learns the thread and the call, and may be asynchronous", async () => {
  await using bench = await openWorkbench();
  const seen: unknown[] = [];
  const tools = createConsoleToolset({
    backend: async ({ configurable, toolCallId, signal }) => {
      seen.push([configurable?.["thread_id"], toolCallId, signal instanceof AbortSignal]);
      return bench.sandbox;
    },
  });

  await callTool(tools, "ls", {}, { configurable: { thread_id: "t1" } });

  expect(seen).toEqual([["t1", "call-1", true]]);
});

test.for([
  ["gone", undefined, "Trying again does not help."],
  ["unavailable", undefined, "Try again once"],
  ["capacity", 30_000, "It may work in 30 s."],
] as const)(
  "a backend function that throws %s is an answer",
  async ([code, retryAfterMs, says]) => {
    const tools = createConsoleToolset({
      backend: () => {
        const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
        throw new SandboxError({ code, message: "There is no sandbox for you.", ...wait });
      },
    });

    const answers = await callTogether(tools, [
      { name: "execute", args: { command: "true" } },
      { name: "read_file", args: { path: "a" } },
    ]);

    expect(answers).toHaveLength(2);
    for (const answer of answers) {
      expect(answer.status).toBe("error");
      expect(answer.text).toContain("Error: There is no sandbox for you. ");
      expect(answer.text).toContain(says);
    }
  },
);

test("an error that nobody foresaw is reported, and the model hears nothing of its inside", async () => {
  const reported: unknown[] = [];
  const bug = new TypeError("cannot read /home/operator/secret of undefined");
  const tools = createConsoleToolset({
    backend: () => Promise.reject(bug),
    onError: (error, toolName) => reported.push([error, toolName]),
  });

  const answer = await callTool(tools, "ls");

  expect(answer.status).toBe("error");
  expect(answer.text).toMatch(/^Error: the tool failed inside/);
  expect(answer.text).not.toContain("secret");
  expect(reported).toEqual([[bug, "ls"]]);
});

test("what is meant for the graph, such as an interrupt, reaches it", async () => {
  const interrupt = Object.assign(new Error("a person is asked"), { is_bubble_up: true });
  const [ls] = createConsoleToolset({ backend: () => Promise.reject(interrupt), include: ["ls"] });
  const call = { type: "tool_call" as const, name: "ls", id: "1", args: {} };

  await expect(ls!.invoke(call)).rejects.toBe(interrupt);
});

test("a sandbox that is destroyed is said to be gone, and the run goes on", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });
  await bench.managed.destroy();

  for (const name of ["ls", "read_file", "write_file"]) {
    const answer = await callTool(tools, name, {
      ...(name !== "ls" && { path: "a" }),
      ...(name === "write_file" && { content: "" }),
    });
    expect(answer.status).toBe("error");
    expect(answer.text).toContain("Trying again does not help.");
  }
});

test("a tool called with arguments alone answers with text", async () => {
  await using bench = await openWorkbench();
  const [execute] = createConsoleToolset({ backend: bench.sandbox, include: ["execute"] });

  expect(await execute!.invoke({ command: "echo hi" })).toBe("hi\n[exit code 0]");
});
