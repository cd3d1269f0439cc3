import { meetNeeds } from "../needs/meet-needs.mjs";
import { say } from "../setup/progress.mjs";
import { runStep } from "../setup/run-process.mjs";

/** Faults of what sessions stand on. */
const SCENARIOS = {
  package: "@carrel/fault-harness",
  main: "packages/fault-harness/src/soak/main.ts",
};
/** Attacks with an agent that an attacker has replaced: `npm run soak -- impersonator`. */
const IMPERSONATOR = {
  package: "@carrel/sandbox-agent",
  main: "packages/sandbox-agent/test/hostile/soak.ts",
};

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function soak({ node, env }, args) {
  const impersonates = args[0] === "impersonator";
  const program = impersonates ? IMPERSONATOR : SCENARIOS;
  const needs = await meetNeeds([{ name: program.package }]);
  for (const problem of needs.problems) say(problem);
  try {
    const rest = impersonates ? args.slice(1) : args;
    const command = ["--conditions=@carrel/source", program.main, ...rest];
    return (await runStep(node, command, { env: { ...env, ...needs.env } })).code;
  } finally {
    await needs.stop();
  }
}
