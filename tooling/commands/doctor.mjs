import { prepareAgentForServer } from "../setup/agent-binary.mjs";
import { runProcess } from "../setup/run-process.mjs";
import { serverTakesSettings } from "../setup/server-settings.mjs";

const PROGRAM = "packages/docker-sandbox/src/doctor/main.ts";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function doctor(toolchain, args) {
  const { node, env } = toolchain;
  const isSetUp = await serverTakesSettings(toolchain);
  await prepareAgentForServer();
  const command = ["--conditions=@carrel/source", PROGRAM, ...args];
  const { code } = await runProcess(node, command, { env });
  return isSetUp ? code : 1;
}
