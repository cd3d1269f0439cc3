import { prepareAgentForServer } from "../setup/agent-binary.mjs";
import { runProcess } from "../setup/run-process.mjs";
import { serverTakesSettings } from "../setup/server-settings.mjs";
import { turboProgram } from "../setup/turbo.mjs";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain) => Promise<number>} */
export async function dev(toolchain) {
  if (!(await serverTakesSettings(toolchain))) return 1;
  await prepareAgentForServer();
  return (await runProcess(turboProgram(), ["run", "dev"], { env: toolchain.env })).code;
}
