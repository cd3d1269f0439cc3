import { runProcess } from "../setup/run-process.mjs";

const PROGRAM = "packages/docker-sandbox/src/doctor/main.ts";

/** @type {(toolchain: import("../setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>} */
export async function doctor({ node, env }, args) {
  const command = ["--conditions=@carrel/source", PROGRAM, ...args];
  return (await runProcess(node, command, { env })).code;
}
