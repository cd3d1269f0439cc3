import { prepareAgentForServer } from "../setup/agent-binary.mjs";
import { Failure } from "../setup/failure.mjs";
import { step } from "../setup/progress.mjs";
import { runProcess, runStep } from "../setup/run-process.mjs";
import { serverTakesSettings } from "../setup/server-settings.mjs";
import { turboProgram } from "../setup/turbo.mjs";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function start(toolchain, args) {
  const { node, env } = toolchain;
  if (!(await serverTakesSettings(toolchain))) return 1;
  await step("Preparing the web page", async () => {
    const build = ["run", "build", "--filter=@carrel/web", "--output-logs=errors-only"];
    const { code, output } = await runStep(turboProgram(), build, { env, quiet: true });
    if (code !== 0) throw new Failure(`The web page could not be built:\n${output.trimEnd()}`);
  });
  await prepareAgentForServer();
  const server = ["--conditions=@carrel/source", "apps/server/src/main.ts", ...args];
  return (await runProcess(node, server, { env })).code;
}
