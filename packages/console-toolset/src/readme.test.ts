import { mkdtemp, readFile, rm } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { narrowSandbox } from "@carrel/backend-protocol";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import { AIMessage } from "@langchain/core/messages";
import { createAgent, fakeModel } from "langchain";
import { expect, onTestFinished, test } from "vitest";
import { createConsoleToolset } from "./create-console-toolset.ts";
import { CONSOLE_SYSTEM_PROMPT } from "./system-prompt.ts";

test("the sample in the README runs, with another model and folder", async () => {
  const root = await mkdtemp(join(tmpdir(), "console-toolset-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const provider = createEmbeddedProvider({ root });
  const model = fakeModel()
    .respondWithTools([{ name: "write_file", args: { path: "hello.py", content: "print(1)" } }])
    .respond(new AIMessage("It prints 1."));
  const printed: unknown[] = [];

  await runSample({
    narrowSandbox,
    CONSOLE_SYSTEM_PROMPT,
    createConsoleToolset,
    createEmbeddedProvider: () => provider,
    createAgent: (options: Parameters<typeof createAgent>[0]) => createAgent({ ...options, model }),
    console: { log: (line: unknown) => printed.push(line) },
  });

  expect(printed).toEqual(["It prints 1."]);
  expect(model.calls[0]?.messages[0]?.text).toBe(CONSOLE_SYSTEM_PROMPT);
  const sandbox = await provider.find("alice");
  expect(await sandbox?.stat("hello.py")).toMatchObject({ sizeBytes: 8 });
  await provider[Symbol.asyncDispose]();
});

async function runSample(names: Record<string, unknown>): Promise<void> {
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8");
  const [, sample = ""] = /```ts\n(.*?)```/s.exec(readme) ?? [];
  const body = stripTypeScriptTypes(sample.replaceAll(/^import .*;\n/gm, ""));
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await AsyncFunction(...Object.keys(names), body)(...Object.values(names));
}
