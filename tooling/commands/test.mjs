import { rmSync } from "node:fs";
import { meetNeeds } from "../needs/meet-needs.mjs";
import { Failure } from "../setup/failure.mjs";
import { say } from "../setup/progress.mjs";
import { workspacePackages } from "../setup/repository.mjs";
import { runStep } from "../setup/run-process.mjs";
import { turboProgram } from "../setup/turbo.mjs";
import { reportFile, summarise } from "./test-summary.mjs";

/** @typedef {import("../setup/repository.mjs").WorkspacePackage} WorkspacePackage */

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function test({ env }, args) {
  const packages = selectPackages(args);
  for (const { directory } of packages) rmSync(reportFile(directory), { force: true });
  const needs = await meetNeeds(packages);

  let exitCode;
  try {
    exitCode = await runTurbo(packages, { ...env, ...needs.env });
  } finally {
    await needs.stop();
  }
  const summary = summarise(packages, exitCode);
  for (const problem of [...needs.problems, ...summary.problems]) say(problem);
  const { passed, failed, skipped } = summary;
  process.stdout.write(
    `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ""}\n`,
  );
  return failed === 0 ? 0 : 1;
}

/** @type {(packages: readonly WorkspacePackage[], env: NodeJS.ProcessEnv) => Promise<number>} */
async function runTurbo(packages, env) {
  const run = ["run", "test", "--concurrency=1", "--continue=always", "--log-prefix=none"];
  const filters = packages.map(({ name }) => `--filter=${name}`);
  return (await runStep(turboProgram(), [...run, ...filters], { env })).code;
}

/** @type {(args: readonly string[]) => WorkspacePackage[]} */
function selectPackages(args) {
  const packages = workspacePackages().filter(({ scripts }) => scripts.test);
  const names = namesIn(args);
  if (names.length === 0) return packages;
  return names.map((name) => {
    const found = packages.find((each) => each.name === name || each.name === `@carrel/${name}`);
    const known = packages.map((each) => each.name.replace("@carrel/", "")).join(", ");
    if (!found) throw new Failure(`No package "${name}" has tests. These have: ${known}.`);
    return found;
  });
}

/** @type {(args: readonly string[]) => string[]} */
function namesIn(args) {
  const names = args
    .flatMap((arg) => arg.split("="))
    .filter((arg) => !["--", "--filter"].includes(arg));
  const option = names.find((name) => name.startsWith("-"));
  if (option) throw new Failure(`"${option}" is not known: npm test [-- --filter PACKAGE].`);
  return names;
}
