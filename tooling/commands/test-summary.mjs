import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} TestSummary
 * @property {number} passed
 * @property {number} failed tests, and whatever else kept tests from running
 * @property {number} skipped
 * @property {string[]} problems what failed without being a test
 *
 * @typedef {{ status: string, message: string, name: string, assertionResults: { status: string }[] }} FileReport
 * @typedef {{ testResults: FileReport[] }} VitestReport
 */

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
  for (const { name, status, assertionResults } of testResults) {
    const count = countByStatus(assertionResults);
    summary.passed += count.passed;
    summary.failed += count.failed;
    summary.skipped += assertionResults.length - count.passed - count.failed;
    if (status === "failed" && count.failed === 0) addProblem(`${name} failed outside its tests.`);
  }
}

/** @type {(results: readonly { status: string }[]) => { passed: number, failed: number }} */
function countByStatus(results) {
  /** @type {(wanted: string) => number} */
  const count = (wanted) => results.filter(({ status }) => status === wanted).length;
  return { passed: count("passed"), failed: count("failed") };
}
