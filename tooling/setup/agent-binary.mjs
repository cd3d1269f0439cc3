import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { findGo, goEnvironment } from "./go.mjs";
import { withLock } from "./lock.mjs";
import { step } from "./progress.mjs";
import { CACHE, ROOT, readManifest } from "./repository.mjs";
import { runStep } from "./run-process.mjs";

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
    const go = await findGo();
    await step("Building the program that runs in sandboxes", () => build(go));
    writeFileSync(STAMP, hash);
  });
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

/** @type {(go: string) => Promise<void>} */
async function build(go) {
  mkdirSync(BINARIES, { recursive: true });
  for (const architecture of ARCHITECTURES) {
    const draft = `${binary(architecture)}.${process.pid}`;
    const flags = `-s -w -buildid= -X main.version=${version()}`;
    const args = ["build", "-trimpath", "-buildvcs=false", `-ldflags=${flags}`, "-o", draft, "."];
    const env = { ...goEnvironment(), CGO_ENABLED: "0", GOOS: "linux", GOARCH: architecture };
    const { code, output } = await runStep(go, args, { cwd: SOURCES, env, quiet: true });
    if (code !== 0) throw new Failure(`The agent could not be built:\n${output.trimEnd()}`);
    renameSync(draft, binary(architecture));
  }
}
