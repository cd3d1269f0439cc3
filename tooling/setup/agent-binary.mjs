import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { engineMayAnswer } from "./docker.mjs";
import { goRunner } from "./go.mjs";
import { withLock } from "./lock.mjs";
import { say, step } from "./progress.mjs";
import { CACHE, ROOT, readManifest } from "./repository.mjs";

const PACKAGE = join(ROOT, "packages/sandbox-agent");
const SOURCES = join(PACKAGE, "agent");
const BINARIES = join(PACKAGE, "binaries");
/** Programs that only tests use; the npm package does not have them. */
const TEST_BINARIES = join(PACKAGE, "test-binaries");
const ARCHITECTURES = ["amd64", "arm64"];
/**
 * @typedef {object} Program
 * @property {string} name begins the name of its file
 * @property {string} folder where it is put
 * @property {string} main the Go package
 * @property {string} purpose
 */

/** @type {Program} */
const AGENT = {
  name: "carrel-agent",
  folder: BINARIES,
  main: ".",
  purpose: "the program that runs in sandboxes",
};

/** @type {Program} */
const IMPERSONATOR = {
  name: "impersonator",
  folder: TEST_BINARIES,
  main: "./agenttest/impersonator",
  purpose: "the impersonating agent of the hostile tests",
};

/**
 * Build the program that runs in sandboxes, for each architecture, unless these sources were built
 * already.
 *
 * @type {() => Promise<void>}
 */
export function prepareAgentBinary() {
  return prepare(AGENT);
}

/**
 * The same for the program that impersonates it in the hostile tests.
 *
 * @type {() => Promise<void>}
 */
export function prepareImpersonator() {
  return prepare(IMPERSONATOR);
}

/** @type {(program: Program) => Promise<void>} */
async function prepare(program) {
  if (isBuilt(program, hashSources())) return;
  await withLock(join(CACHE, "agent.lock"), async () => {
    const hash = hashSources();
    if (isBuilt(program, hash)) return;
    const go = await goRunner();
    await step(`Building ${program.purpose}`, () => build(go, program));
    writeFileSync(stamp(program), hash);
  });
}

/**
 * The same for what can do without it: nothing where sandboxes are embedded anyway, and where it
 * cannot be built a sentence that says so.
 *
 * @type {() => Promise<void>}
 */
export async function prepareAgentForServer() {
  const kind = process.env.CARREL_SANDBOX || undefined;
  if (kind === "embedded" || (kind === undefined && !(await engineMayAnswer()))) return;
  try {
    await prepareAgentBinary();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(`The program for sandboxes on Docker could not be built: ${error.message}`);
  }
}

/** @type {(program: Program, hash: string) => boolean} */
function isBuilt(program, hash) {
  return (
    existsSync(stamp(program)) &&
    readFileSync(stamp(program), "utf8") === hash &&
    ARCHITECTURES.every((architecture) => existsSync(binary(program, architecture)))
  );
}

/**
 * The file that says of which sources the programs beside it were made.
 *
 * @type {(program: Program) => string}
 */
function stamp({ folder }) {
  return join(folder, "sources.sha256");
}

/** @type {(program: Program, architecture: string) => string} */
function binary({ folder, name }, architecture) {
  return join(folder, `${name}-linux-${architecture}`);
}

/** @type {() => string} */
function hashSources() {
  const hash = createHash("sha256").update(version());
  for (const name of sourceFiles(SOURCES)) hash.update(`${name}\0`).update(readFileSync(name));
  return hash.digest("hex");
}

/** @type {(directory: string) => string[]} */
function sourceFiles(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return sourceFiles(path);
      return /(?<!_test)\.go$|^go\.mod$/.test(entry.name) ? [path] : [];
    })
    .sort();
}

function version() {
  return readManifest(PACKAGE).version;
}

/** @type {(go: import("./go.mjs").Go, program: Program) => Promise<void>} */
async function build(go, program) {
  const { folder, main } = program;
  mkdirSync(folder, { recursive: true });
  for (const architecture of ARCHITECTURES) {
    const draft = `${binary(program, architecture)}.${process.pid}`;
    const flags = `-s -w -buildid= -X main.version=${version()}`;
    const args = ["build", "-trimpath", "-buildvcs=false", `-ldflags=${flags}`, "-o", draft, main];
    const env = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: architecture };
    try {
      const { code, output } = await go(args, { cwd: SOURCES, output: folder, env });
      if (code !== 0)
        throw new Failure(`Go could not build ${program.purpose}:\n${output.trimEnd()}`);
      renameSync(draft, binary(program, architecture));
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
