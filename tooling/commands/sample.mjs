import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { prepareAgentBinary } from "../setup/agent-binary.mjs";
import { Failure } from "../setup/failure.mjs";
import { ROOT } from "../setup/repository.mjs";
import { runProcess } from "../setup/run-process.mjs";

const SAMPLES = join(ROOT, "samples");

/**
 * Run a sample of the README, or a script of one's own, in its folder, so that its data lies apart
 * from the server's.
 *
 * @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>}
 */
export async function sample({ node, env }, [name = "", ...args]) {
  const names = readdirSync(SAMPLES)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replace(".ts", ""));
  if (!names.includes(name)) {
    const problem = name === "" ? "Which sample?" : `No sample is named "${name}".`;
    throw new Failure(
      `${problem} npm run sample ${names.join("|")}; a script of your own goes to samples/NAME.ts.`,
    );
  }
  if (name === "agent" && !process.env.OPENAI_API_KEY) {
    throw new Failure(
      "The sample agent needs a model: set OPENAI_API_KEY, and OPENAI_BASE_URL too for another server than OpenAI's.",
    );
  }
  const source = readFileSync(join(SAMPLES, `${name}.ts`), "utf8");
  if (source.includes("@carrel/docker-sandbox")) await prepareAgentBinary();
  const image = process.env.CARREL_IMAGE;
  // As for the server.
  if (name === "docker" && args.length === 0 && image) args.push(image);
  const program = ["--conditions=@carrel/source", `${name}.ts`, ...args];
  return (await runProcess(node, program, { cwd: SAMPLES, env })).code;
}
