import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../setup/failure.mjs";
import { ROOT } from "../setup/repository.mjs";
import { runProcess } from "../setup/run-process.mjs";

const SAMPLES = join(ROOT, "samples");

/**
 * Run a sample of the README in its folder, so that its data lies apart from the server's.
 *
 * @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>}
 */
export async function sample({ node, env }, [name = ""]) {
  const names = readdirSync(SAMPLES)
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replace(".ts", ""));
  if (!names.includes(name)) {
    throw new Failure(`No sample is named "${name}": npm run sample ${names.join("|")}`);
  }
  const program = ["--conditions=@carrel/source", `${name}.ts`];
  return (await runProcess(node, program, { cwd: SAMPLES, env })).code;
}
