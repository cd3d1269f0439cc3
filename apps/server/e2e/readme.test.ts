import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { LLMock } from "@copilotkit/aimock";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * Every TypeScript sample of the READMEs is run as it stands, in a folder of its own from which the
 * packages can be imported; where a sample calls OpenAI, a double answers over HTTP.
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

beforeAll(async () => {
  await rm(SAMPLES_DIR, { recursive: true, force: true });
  model.onMessage(/.*/, { content: "Done: hello world" });
  await model.start();
});
afterAll(async () => {
  await model.stop();
  await rm(SAMPLES_DIR, { recursive: true, force: true });
});

async function samplesOf(readme: string): Promise<Sample[]> {
  const text = await readFile(join(REPOSITORY, readme), "utf8");
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)];
  return blocks.map(([, code = ""], index) => ({ name: `${readme} sample ${index + 1}`, code }));
}

const samples = (await Promise.all(READMES.map(samplesOf))).flat();

test("there are samples to run in every README", () => {
  for (const readme of READMES) {
    expect(samples.some(({ name }) => name.startsWith(`${readme} `))).toBe(true);
  }
});

test.each(samples)("$name runs as it stands", async ({ name, code }) => {
  const folder = join(SAMPLES_DIR, name.replaceAll(/\W+/g, "-"));
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
  expect(stdout.trim()).not.toBe("");
});
