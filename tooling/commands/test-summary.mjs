import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} TestSummary
 * @property {number} passed
 * @property {number} failed tests, and whatever else kept tests from running
 * @property {number} skipped
 * @property {string[]} problems a text for each test that failed and for whatever else did, to print
 * at the end of a run, where a log that was cut still has it
 *
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} TestReport
 * @typedef {{ status: string, message: string, name: string, assertionResults: TestReport[] }} FileReport
 * @typedef {{ testResults: FileReport[] }} VitestReport
 */

/** Enough for what differs and for where; the whole stands further up in the log. */
const MAX_MESSAGE_LINES = 12;

/**
 * Where vitest writes what it found in a package.
 *
 * @type {(directory: string) => string}
 */
export function reportFile(directory) {
  return join(directory, "test-results", "vitest.json");
}

/**
 * Add up the reports of a run. Whatever is not known to have passed counts as failed: a package
 * without a report, a file that could not be loaded, a run that ended badly although all its tests
 * passed, and a run of nothing.
 *
 * @type {(packages: readonly { name: string, directory: string }[], exitCode: number) => TestSummary}
 */
export function summarise(packages, exitCode) {
  /** @type {TestSummary} */
  const summary = { passed: 0, failed: 0, skipped: 0, problems: [] };
  /** @type {(text: string) => void} */
  const addProblem = (text) => {
    summary.failed += 1;
    summary.problems.push(text);
  };
  for (const { name, directory } of packages) {
    const file = reportFile(directory);
    if (existsSync(file)) addReport(summary, readReport(file), addProblem);
    else addProblem(`${name} reported nothing: its tests did not run to their end.`);
  }
  if (summary.failed === 0 && exitCode !== 0) {
    addProblem(`The run failed with exit code ${exitCode}, though no test did: see above.`);
  }
  if (summary.failed === 0 && summary.passed === 0) addProblem("No test ran.");
  return summary;
}

/** @type {(file: string) => VitestReport} */
function readReport(file) {
  return /** @type {VitestReport} */ (JSON.parse(readFileSync(file, "utf8")));
}

/** @type {(summary: TestSummary, report: VitestReport, addProblem: (text: string) => void) => void} */
function addReport(summary, { testResults }, addProblem) {
  for (const { name, status, message, assertionResults } of testResults) {
    const passed = assertionResults.filter((test) => test.status === "passed");
    const failed = assertionResults.filter((test) => test.status === "failed");
    summary.passed += passed.length;
    summary.skipped += assertionResults.length - passed.length - failed.length;
    for (const { fullName, failureMessages } of failed) {
      addProblem(`${name} failed: ${fullName}\n${indented(failureMessages.join("\n"))}`);
    }
    if (status === "failed" && failed.length === 0) {
      addProblem(`${name} failed outside its tests:\n${indented(message)}`);
    }
  }
}

/** @type {(text: string) => string} */
function indented(text) {
  const lines = text.trim().split("\n");
  const left = lines.length - MAX_MESSAGE_LINES;
  const shown = left > 0 ? [...lines.slice(0, MAX_MESSAGE_LINES), `(${left} more lines)`] : lines;
  return shown.map((line) => `    ${line}`).join("\n");
}
