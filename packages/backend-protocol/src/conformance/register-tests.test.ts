import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const FIXTURES = join(import.meta.dirname, "../../test/known-gaps");
const VITEST = fileURLToPath(new URL("../vitest.mjs", import.meta.resolve("vitest")));

interface Report {
  testResults: {
    name: string;
    assertionResults: { title: string; status: string; failureMessages: string[] }[];
  }[];
}

interface Run {
  exitCode: number;
  /** By fixture and by test: its status, and for a failure the first line of why. */
  outcomes: Record<string, Record<string, string>>;
}

async function runFixtures(): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), "known-gaps-"));
  const report = join(directory, "report.json");
  try {
    const exitCode = await run([VITEST, "run", "--root", FIXTURES, `--outputFile.json=${report}`]);
    return { exitCode, outcomes: outcomesOf(JSON.parse(await readFile(report, "utf8"))) };
  } finally {
    await rm(directory, { recursive: true });
  }
}

function run(args: string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, () => resolve(child.exitCode ?? -1));
  });
}

function outcomesOf({ testResults }: Report): Run["outcomes"] {
  const entries = testResults.map(({ name, assertionResults }) => {
    const tests = assertionResults.map(({ title, status, failureMessages }) => {
      const why = failureMessages[0]?.split("\n")[0];
      return [title, why === undefined ? status : `${status}: ${why}`];
    });
    return [basename(name, ".fixture.ts"), Object.fromEntries(tests)];
  });
  return Object.fromEntries(entries);
}

const CHECK = "known gaps › each names a test of the suite once, with a reason";

describe("registerTests under vitest", () => {
  let exitCode: number;
  let outcomes: Run["outcomes"];
  beforeAll(async () => {
    ({ exitCode, outcomes } = await runFixtures());
  });

  it("fails what fails, and skips with a reason what is lacking", () => {
    expect(exitCode).toBe(1);
    expect(outcomes["none"]).toEqual({
      [CHECK]: "passed",
      "fixture › holds": "passed",
      "fixture › breaks": "failed: Error: broken",
      "fixture › hangs": "failed: Error: The test did not end within 200 ms.",
      "fixture › lacks": "skipped",
    });
  });

  it("passes known gaps under their reason, also one that hangs", () => {
    expect(outcomes["declared"]).toEqual({
      [CHECK]: "passed",
      "fixture › holds": "passed",
      "fixture › breaks (known gap: it breaks and hangs)": "passed",
      "fixture › hangs (known gap: it breaks and hangs)": "passed",
      "fixture › lacks": "skipped",
    });
  });

  it("fails a gap that is closed", () => {
    expect(outcomes["stale"]?.["fixture › holds (known gap: it broke once)"]).toMatch(
      /^failed: Error: Stale known gap: "fixture › holds" passes now/,
    );
  });

  it("fails a gap that names no test", () => {
    expect(outcomes["unknown"]?.[CHECK]).toMatch(/^failed: /);
  });

  it("fails a gap of a test that is skipped", () => {
    expect(outcomes["needless"]?.["fixture › lacks (known gap: it has none)"]).toMatch(
      /^failed: Error: Needless known gap: "fixture › lacks" is skipped/,
    );
  });
});
