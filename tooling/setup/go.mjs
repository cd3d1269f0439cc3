import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { canInstall, installPackages } from "./apt.mjs";
import { engineAnswers, findDocker, hasImage } from "./docker.mjs";
import { Failure } from "./failure.mjs";
import { findProgram } from "./find-program.mjs";
import { step } from "./progress.mjs";
import { CACHE } from "./repository.mjs";
import { runStep } from "./run-process.mjs";

const FOLDERS = ["/usr/local/go/bin", "/usr/lib/go/bin"];
/** What the agent is written for; it uses the standard library only. */
const OLDEST_MINOR = 19;
/** Go for who has none, where a Docker engine answers. */
const IMAGE = "golang:1-alpine";
const GO_CACHE = join(CACHE, "go");

/**
 * @typedef {object} GoRun
 * @property {string} cwd the module
 * @property {string} output a directory that is written to
 * @property {NodeJS.ProcessEnv} env beside what keeps Go from fetching anything
 *
 * @typedef {(args: readonly string[], run: GoRun) => ReturnType<typeof runStep>} Go
 */

/**
 * A Go of this machine, installed where that can be done.
 *
 * @type {() => Promise<string>}
 */
export async function findGo() {
  const found = usableGo();
  if (found) return found;
  if (!canInstall()) throw new Failure(missingGo());
  await installPackages("Go", ["golang-go"]);
  const installed = usableGo();
  if (!installed) throw new Failure("apt-get installed Go, but it is too old or not on the PATH.");
  return installed;
}

/**
 * Something that runs Go: that of this machine, one in a container, or one that is installed.
 *
 * @type {() => Promise<Go>}
 */
export async function goRunner() {
  const docker = usableGo() ? undefined : await dockerWithGo();
  if (docker) return goInContainer(docker);
  const go = await findGo();
  return (args, { cwd, env }) =>
    runStep(go, args, { cwd, env: { ...process.env, ...GO_ENVIRONMENT, ...env }, quiet: true });
}

/** Nothing is fetched, and what was compiled stays in the repository's cache. */
export const GO_ENVIRONMENT = {
  GOCACHE: GO_CACHE,
  GOFLAGS: "",
  GOPROXY: "off",
  GOTOOLCHAIN: "local",
  GOWORK: "off",
};

/** @type {() => string | undefined} */
function usableGo() {
  const go = findProgram(["go"], FOLDERS);
  if (!go) return undefined;
  const env = { ...process.env, ...GO_ENVIRONMENT };
  const { stdout } = spawnSync(go, ["version"], { encoding: "utf8", env });
  const minor = Number(/go1\.(\d+)/.exec(stdout ?? "")?.[1] ?? 0);
  return minor >= OLDEST_MINOR ? go : undefined;
}

/** @type {() => Promise<string | undefined>} */
async function dockerWithGo() {
  const docker = findDocker();
  if (!docker || !(await engineAnswers())) return undefined;
  if (await hasImage(docker, IMAGE)) return docker;
  const { code } = await step(`Pulling ${IMAGE}, to build with`, () =>
    runStep(docker, ["pull", "--quiet", IMAGE], { quiet: true }),
  );
  return code === 0 ? docker : undefined;
}

/** @type {(docker: string) => Go} */
function goInContainer(docker) {
  return (args, { cwd, output, env }) => {
    mkdirSync(GO_CACHE, { recursive: true });
    const places = [cwd, output, GO_CACHE].flatMap((place) => ["--volume", `${place}:${place}`]);
    const variables = Object.entries({ ...GO_ENVIRONMENT, ...env }).flatMap(([name, value]) => [
      "--env",
      `${name}=${value}`,
    ]);
    const user = process.getuid ? ["--user", `${process.getuid()}:${process.getgid?.()}`] : [];
    const container = ["run", "--rm", "--network=none", ...user, ...places, ...variables];
    return runStep(docker, [...container, "--workdir", cwd, IMAGE, "go", ...args], { quiet: true });
  };
}

function missingGo() {
  const version = `Go 1.${OLDEST_MINOR} or newer`;
  return `${version} was not found; install it from https://go.dev, or start a Docker engine that can pull ${IMAGE}.`;
}
