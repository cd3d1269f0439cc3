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
const ARCHITECTURES = ["amd64", "arm64"];
/** Says of which sources the programs beside it were made. */
const STAMP = join(BINARIES, "sources.sha256");

/**
 * Build the program that runs in sandboxes, for each architecture, unless these sources were built
 * already.
 *
 * @type {() => Promise<void>}
 */
export async function prepareAgentBinary() {
  if (isBuilt(hashSources())) return;
  await withLock(join(CACHE, "agent.lock"), async () => {
    const hash = hashSources();
    if (isBuilt(hash)) return;
    const go = await goRunner();
    await step("Building the program that runs in sandboxes", () => build(go));
    writeFileSync(STAMP, hash);
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

/** @type {(hash: string) => boolean} */
function isBuilt(hash) {
  return (
    existsSync(STAMP) &&
    readFileSync(STAMP, "utf8") === hash &&
    ARCHITECTURES.every((architecture) => existsSync(binary(architecture)))
  );
}

/** @type {(architecture: string) => string} */
function binary(architecture) {
  return join(BINARIES, `carrel-agent-linux-${architecture}`);
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

/** @type {(go: import("./go.mjs").Go) => Promise<void>} */
async function build(go) {
  mkdirSync(BINARIES, { recursive: true });
  for (const architecture of ARCHITECTURES) {
    const draft = `${binary(architecture)}.${process.pid}`;
    const flags = `-s -w -buildid= -X main.version=${version()}`;
    const args = ["build", "-trimpath", "-buildvcs=false", `-ldflags=${flags}`, "-o", draft, "."];
    const env = { CGO_ENABLED: "0", GOOS: "linux", GOARCH: architecture };
    try {
      const { code, output } = await go(args, { cwd: SOURCES, output: BINARIES, env });
      if (code !== 0) throw new Failure(`The agent could not be built:\n${output.trimEnd()}`);
      renameSync(draft, binary(architecture));
    } finally {
      rmSync(draft, { force: true });
    }
  }
}
