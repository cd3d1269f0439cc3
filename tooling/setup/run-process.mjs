import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ROOT } from "./repository.mjs";

/**
 * @typedef {object} RunOptions
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [cwd] the root of the repository by default
 * @property {boolean} [quiet] gather what it prints instead of showing it
 *
 * @typedef {object} RunResult
 * @property {number} code its exit code, or 128 and the number of the signal that ended it
 * @property {string} output what it printed, where it was quiet
 * @property {NodeJS.Signals | null} interruptedBy the signal that this process got meanwhile
 */

/** @type {NodeJS.Signals[]} */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Run a program to its end, passing on the signals that this process gets.
 *
 * @type {(command: string, args: readonly string[], options?: RunOptions) => Promise<RunResult>}
 */
export function runProcess(command, args, { env = process.env, cwd = ROOT, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: quiet ? ["ignore", "pipe", "pipe"] : "inherit",
    });
    /** @type {NodeJS.Signals | null} */
    let interruptedBy = null;
    /** @type {(signal: NodeJS.Signals) => void} */
    const passOn = (signal) => {
      interruptedBy = signal;
      // A terminal sends Ctrl-C to all its processes: a second one would read as "now at once".
      if (quiet) child.kill("SIGTERM");
      else if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of SIGNALS) process.on(signal, passOn);
    const stopListening = () => {
      for (const signal of SIGNALS) process.off(signal, passOn);
    };

    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
    child.stderr?.setEncoding("utf8").on("data", (text) => (output += text));
    child.on("error", (error) => {
      stopListening();
      reject(error);
    });
    child.on("close", (code, signal) => {
      stopListening();
      resolve({ code: code ?? exitCodeOf(signal), output, interruptedBy });
    });
  });
}

/**
 * Run one of several programs: where this process is told to stop meanwhile, it stops after it.
 *
 * @type {typeof runProcess}
 */
export async function runStep(command, args, options) {
  const result = await runProcess(command, args, options);
  if (result.interruptedBy) {
    process.stderr.write("\n");
    process.exit(exitCodeOf(result.interruptedBy));
  }
  return result;
}

/** @type {(signal: NodeJS.Signals | null) => number} */
function exitCodeOf(signal) {
  return signal ? 128 + constants.signals[signal] : 1;
}
