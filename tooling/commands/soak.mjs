import { meetNeeds } from "../needs/meet-needs.mjs";
import { say } from "../setup/progress.mjs";
import { runStep } from "../setup/run-process.mjs";

const PROGRAM = "packages/fault-harness/src/soak/main.ts";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function soak({ node, env }, args) {
  const needs = await meetNeeds([{ name: "@carrel/fault-harness" }]);
  for (const problem of needs.problems) say(problem);
  try {
    const command = ["--conditions=@carrel/source", PROGRAM, ...args];
    return (await runStep(node, command, { env: { ...env, ...needs.env } })).code;
  } finally {
    await needs.stop();
  }
}
