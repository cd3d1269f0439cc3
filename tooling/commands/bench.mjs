import { runProcess } from "../setup/run-process.mjs";
import { turboProgram } from "../setup/turbo.mjs";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain) => Promise<number>} */
export async function bench({ env }) {
  const run = ["run", "bench", "--concurrency=1", "--log-prefix=none"];
  return (await runProcess(turboProgram(), run, { env })).code;
}
