import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { isNetworkProblem } from "./network-problem.mjs";
import { step } from "./progress.mjs";
import { ROOT, workspacePackages } from "./repository.mjs";
import { runStep } from "./run-process.mjs";

const STAMP = join(ROOT, "node_modules", ".carrel-lockfile-hash");
const INSTALL_ENVIRONMENT = {
  CI: "true", // no questions
  NODE_ENV: "development", // "production" would leave out what builds and tests
  PNPM_CONFIG_FETCH_RETRIES: "1",
  PNPM_CONFIG_FETCH_RETRY_MINTIMEOUT: "3000",
};

/**
 * Install what the lockfile names, unless that is what is installed.
 *
 * @type {(pnpm: string, env: NodeJS.ProcessEnv) => Promise<void>}
 */
export async function installDependencies(pnpm, env) {
  const hash = lockfileHash();
  if (isInstalled(hash)) return;
  await step("Installing the dependencies", async () => {
    const { code, output } = await runStep(pnpm, ["install", "--frozen-lockfile"], {
      env: { ...env, ...INSTALL_ENVIRONMENT },
      quiet: true,
    });
    if (code !== 0) throw new Failure(`The dependencies could not be installed: ${reason(output)}`);
  });
  writeFileSync(STAMP, hash);
}

function lockfileHash() {
  const hash = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) {
    hash.update(readFileSync(join(ROOT, file)));
  }
  return hash.digest("hex");
}

/** @type {(hash: string) => boolean} */
function isInstalled(hash) {
  return (
    existsSync(STAMP) &&
    readFileSync(STAMP, "utf8") === hash &&
    workspacePackages().every(({ directory }) => existsSync(join(directory, "node_modules")))
  );
}

/** @type {(output: string) => string} */
function reason(output) {
  return isNetworkProblem(output)
    ? "npm's registry cannot be reached; check the network, and npm's proxy settings."
    : `pnpm failed:\n${output.trimEnd()}`;
}
