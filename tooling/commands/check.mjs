import { elapsed, say } from "../setup/progress.mjs";
import { runStep } from "../setup/run-process.mjs";

const CHECKS = ["format", "lint", "typecheck", "build", "knip"];

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain) => Promise<number>} */
export async function check({ pnpm, env }) {
  const started = performance.now();
  for (const name of CHECKS) {
    const checkStarted = performance.now();
    say(`Checking: ${name} …`);
    const { code } = await runStep(pnpm, ["run", name], { env });
    say(`${name} ${code === 0 ? "passed" : "failed"} in ${elapsed(checkStarted)}`);
    if (code !== 0) return code;
  }
  say(`All checks passed in ${elapsed(started)}`);
  return 0;
}
