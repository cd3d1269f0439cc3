import { fileURLToPath } from "node:url";
import { runStep } from "./run-process.mjs";

const PROGRAM = fileURLToPath(new URL("check-settings.mjs", import.meta.url));

/**
 * Whether the server takes the variables of the environment; where it does not, it is said why. Asked
 * before anything is built for it, which takes longer.
 *
 * @type {(toolchain: import("./toolchain.mjs").Toolchain) => Promise<boolean>}
 */
export async function serverTakesSettings({ node, env }) {
  const { code } = await runStep(node, ["--conditions=@carrel/source", PROGRAM], { env });
  return code === 0;
}
