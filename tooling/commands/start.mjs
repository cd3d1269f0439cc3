import { prepareAgentBinary } from "../setup/agent-binary.mjs";
import { Failure } from "../setup/failure.mjs";
import { step } from "../setup/progress.mjs";
import { runProcess, runStep } from "../setup/run-process.mjs";
import { turboProgram } from "../setup/turbo.mjs";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function start({ node, env }, args) {
  await step("Building the web page", async () => {
    const build = ["run", "build", "--filter=@carrel/web", "--output-logs=errors-only"];
    const { code, output } = await runStep(turboProgram(), build, { env, quiet: true });
    if (code !== 0) throw new Failure(`The web page could not be built:\n${output.trimEnd()}`);
  });
  if (process.env.CARREL_SANDBOX === "docker") await prepareAgentBinary();
  const server = ["--conditions=@carrel/source", "apps/server/src/main.ts", ...args];
  return (await runProcess(node, server, { env })).code;
}
