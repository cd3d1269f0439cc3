import { meetNeeds } from "../needs/meet-needs.mjs";
import { say } from "../setup/progress.mjs";
import { workspacePackages } from "../setup/repository.mjs";
import { runStep } from "../setup/run-process.mjs";
import { turboProgram } from "../setup/turbo.mjs";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain) => Promise<number>} */
export async function bench({ env }) {
  const needs = await meetNeeds(workspacePackages().filter(({ scripts }) => scripts.bench));
  for (const problem of needs.problems) say(problem);
  try {
    const run = ["run", "bench", "--concurrency=1", "--log-prefix=none"];
    return (await runStep(turboProgram(), run, { env: { ...env, ...needs.env } })).code;
  } finally {
    await needs.stop();
  }
}
