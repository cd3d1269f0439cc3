import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { reportFile, summarise } from "./test-summary.mjs";

interface FileReport {
  status: string;
  tests: string[];
}

let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "carrel-summary-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function report(
  name: string,
  ...files: FileReport[]
): Promise<{ name: string; directory: string }> {
  const reported = { name, directory: join(directory, name) };
  const testResults = files.map(({ status, tests }, index) => ({
    name: `file-${index}.test.ts`,
    status,
    message: status === "failed" ? "SyntaxError: here" : "",
    assertionResults: tests.map((each) => ({
      status: each,
      fullName: `a ${each} test`,
      failureMessages: each === "failed" ? ["expected 1 to be 2\n    at line 3"] : [],
    })),
  }));
  await mkdir(dirname(reportFile(reported.directory)), { recursive: true });
  await writeFile(reportFile(reported.directory), JSON.stringify({ testResults }));
  return reported;
}

test("the tests of all packages are added up", async () => {
  const packages = [
    await report("one", { status: "passed", tests: ["passed", "passed", "skipped"] }),
    await report("two", { status: "passed", tests: ["passed", "todo", "pending"] }),
  ];
  expect(summarise(packages, 0)).toEqual({ passed: 3, failed: 0, skipped: 3, problems: [] });
});

test("a failed test is counted once, and told with its message", async () => {
  const packages = [await report("one", { status: "failed", tests: ["passed", "failed"] })];
  expect(summarise(packages, 1)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
    problems: ["file-0.test.ts failed: a failed test\n    expected 1 to be 2\n        at line 3"],
  });
});

test("a file that could not be loaded is a failure", async () => {
  const packages = [
    await report("one", { status: "failed", tests: [] }, { status: "passed", tests: ["passed"] }),
  ];
  expect(summarise(packages, 1)).toMatchObject({
    passed: 1,
    failed: 1,
    problems: ["file-0.test.ts failed outside its tests:\n    SyntaxError: here"],
  });
});

test("a package without a report is a failure, and named", async () => {
  const packages = [
    await report("one", { status: "passed", tests: ["passed"] }),
    { name: "two", directory: join(directory, "two") },
  ];
  const summary = summarise(packages, 0);
  expect(summary).toMatchObject({ passed: 1, failed: 1 });
  expect(summary.problems.join()).toContain("two");
});

test("a run that ended badly is a failure although all its tests passed", async () => {
  const packages = [await report("one", { status: "passed", tests: ["passed"] })];
  expect(summarise(packages, 1)).toMatchObject({ passed: 1, failed: 1 });
});

test("a run of nothing is a failure", async () => {
  expect(summarise([await report("one")], 0)).toMatchObject({ passed: 0, failed: 1 });
});

test("a run in which everything was skipped is a failure", async () => {
  const packages = [await report("one", { status: "passed", tests: ["skipped"] })];
  expect(summarise(packages, 0)).toMatchObject({ passed: 0, failed: 1, skipped: 1 });
});
