import { runProcess } from "../setup/run-process.mjs";
import { turboProgram } from "../setup/turbo.mjs";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain) => Promise<number>} */
export async function dev({ env }) {
  return (await runProcess(turboProgram(), ["run", "dev"], { env })).code;
}
