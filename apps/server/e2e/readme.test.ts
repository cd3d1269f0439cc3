import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { isChatCompletionBody, LLMock } from "@copilotkit/aimock";
import type { ToolCallResponse } from "@copilotkit/aimock";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * Every TypeScript sample of the READMEs is run as it stands, in a folder of its own from which the
 * packages can be imported; where a sample calls OpenAI, a double answers over HTTP. It writes a
 * script, runs it, and then says that it is done.
 */
const run = promisify(execFile);
const REPOSITORY = join(import.meta.dirname, "../../..");
const SAMPLES_DIR = join(import.meta.dirname, ".samples");
const READMES = [
  "README.md",
  "packages/console-toolset/README.md",
  "packages/embedded-sandbox/README.md",
  "packages/session-manager/README.md",
];

interface Sample {
  name: string;
  code: string;
}

const model = new LLMock({ port: 0 });

const PRINTED: Record<string, string> = {
  "README.md sample 1": "Done: hello world\n",
  "README.md sample 2": "Alice's private data\n",
  "packages/console-toolset/README.md sample 1": "Done: hello world\n",
  "packages/embedded-sandbox/README.md sample 1": "hello\n 0\n",
  "packages/session-manager/README.md sample 1": "Hello from Alice\n\n",
  "packages/session-manager/README.md sample 2": "",
  "packages/session-manager/README.md sample 3": "",
  "packages/session-manager/README.md sample 4": "",
};
const SCRIPT = 'print("hello", 6 * 7)\n';

beforeAll(async () => {
  await rm(SAMPLES_DIR, { recursive: true, force: true });
  model.on({ hasToolResult: false }, toolCall("write_file", { path: "hello.py", content: SCRIPT }));
  model.on({ toolCallId: "call_write_file" }, toolCall("execute", { command: "python3 hello.py" }));
  model.on({ toolCallId: "call_execute" }, { content: "Done: hello world" });
  await model.start();
});
afterAll(async () => {
  await model.stop();
  await rm(SAMPLES_DIR, { recursive: true, force: true });
});

function toolCall(name: string, args: Record<string, string>): ToolCallResponse {
  return { toolCalls: [{ name, id: `call_${name}`, arguments: JSON.stringify(args) }] };
}

async function samplesOf(readme: string): Promise<Sample[]> {
  const text = await readFile(join(REPOSITORY, readme), "utf8");
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)];
  const found = blocks.map(([, code = ""], index) => ({
    name: `${readme} sample ${index + 1}`,
    code,
  }));
  // A conformance suite is for a test file, and the packages' own tests call it.
  return found.filter(({ code }) => !code.includes("Conformance({"));
}

const samples = (await Promise.all(READMES.map(samplesOf))).flat();
const plain = samples.filter(({ code }) => !code.includes("createAgent("));
const agents = samples.filter(({ code }) => code.includes("createAgent("));

test("there are samples to run in every README", () => {
  for (const readme of READMES) {
    expect(samples.some(({ name }) => name.startsWith(`${readme} `))).toBe(true);
  }
});

test("the samples of the first README are the files in samples/", async () => {
  const files = await Promise.all(
    ["agent.ts", "sessions.ts"].map((name) => readFile(join(REPOSITORY, "samples", name), "utf8")),
  );
  expect((await samplesOf("README.md")).map(({ code }) => code)).toEqual(files);
});

test.each(plain)("$name runs as it stands, and prints what it should", async (sample) => {
  const { stdout } = await runSample(sample);
  expect(stdout).toBe(PRINTED[sample.name]);
});

test.each(agents)(
  "$name runs as it stands, and its model's tools work in the sandbox",
  async (sample) => {
    model.clearRequests();
    const { folder, stdout } = await runSample(sample);
    expect(stdout).toBe(PRINTED[sample.name]);
    const script = (await readdir(folder, { recursive: true })).filter(
      (path) => basename(path) === "hello.py",
    );
    expect(script).toHaveLength(1);
    expect(await readFile(join(folder, script[0] ?? ""), "utf8")).toBe(SCRIPT);
    const body = model.getLastRequest()?.body;
    const last = isChatCompletionBody(body) ? body.messages.at(-1) : undefined;
    expect(last).toMatchObject({ role: "tool", content: expect.stringContaining("hello 42") });
  },
);

test("the agent of the first README needs chat completions only", async () => {
  model.clearRequests();
  await runSample(agents[0] as Sample);
  const paths = model.getRequests().map(({ path }) => path);
  expect(new Set(paths)).toEqual(new Set(["/v1/chat/completions"]));
});

async function runSample({ name, code }: Sample): Promise<{ folder: string; stdout: string }> {
  const folder = join(SAMPLES_DIR, name.replaceAll(/\W+/g, "-"));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "sample.ts"), code);
  const { stdout } = await run(process.execPath, ["--conditions=@carrel/source", "sample.ts"], {
    cwd: folder,
    timeout: 60_000,
    env: {
      PATH: process.env["PATH"] ?? "",
      OPENAI_API_KEY: "key-of-the-double",
      OPENAI_BASE_URL: `${model.url}/v1`,
    },
  });
  return { folder, stdout };
}
