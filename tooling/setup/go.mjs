import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { canInstall, installPackages } from "./apt.mjs";
import { Failure } from "./failure.mjs";
import { findProgram } from "./find-program.mjs";
import { CACHE } from "./repository.mjs";

const FOLDERS = ["/usr/local/go/bin", "/usr/lib/go/bin"];
/** What the agent is written for; it uses the standard library only. */
const OLDEST_MINOR = 19;

/**
 * A Go that builds the agent, installed where that can be done.
 *
 * @type {() => Promise<string>}
 */
export async function findGo() {
  const found = usableGo();
  if (found) return found;
  if (!canInstall()) {
    throw new Failure(
      `Go 1.${OLDEST_MINOR} or newer was not found; install it from https://go.dev.`,
    );
  }
  await installPackages("Go", ["golang-go"]);
  const installed = usableGo();
  if (!installed) throw new Failure("apt-get installed Go, but it is too old or not on the PATH.");
  return installed;
}

/**
 * The environment that Go runs in: nothing is fetched, and what it compiled stays in the cache.
 *
 * @type {() => NodeJS.ProcessEnv}
 */
export function goEnvironment() {
  return {
    ...process.env,
    GOCACHE: join(CACHE, "go"),
    GOFLAGS: "",
    GOPROXY: "off",
    GOTOOLCHAIN: "local",
    GOWORK: "off",
  };
}

/** @type {() => string | undefined} */
function usableGo() {
  const go = findProgram(["go"], FOLDERS);
  if (!go) return undefined;
  const { stdout } = spawnSync(go, ["version"], { encoding: "utf8", env: goEnvironment() });
  const minor = Number(/go1\.(\d+)/.exec(stdout ?? "")?.[1] ?? 0);
  return minor >= OLDEST_MINOR ? go : undefined;
}
