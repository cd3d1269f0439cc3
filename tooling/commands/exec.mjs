import { runProcess } from "../setup/run-process.mjs";

/**
 * Run a program that a package brought, so that scripts need no newer Node than the set-up.
 *
 * @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>}
 */
export async function exec({ pnpm, env }, args) {
  return (await runProcess(pnpm, ["exec", ...args], { env })).code;
}
