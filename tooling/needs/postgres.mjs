import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canInstall, installPackages } from "../setup/apt.mjs";
import { Failure } from "../setup/failure.mjs";
import { findProgram } from "../setup/find-program.mjs";
import { step } from "../setup/progress.mjs";
import { runStep } from "../setup/run-process.mjs";

const DEBIAN_FOLDER = "/usr/lib/postgresql";
const SUPERUSER = "carrel";
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** Of whom the first that there is owns the cluster where root runs the tests. */
const OTHER_USERS = ["postgres", "nobody"];

/**
 * A PostgreSQL for the tests alone, on a socket in a temporary directory, named to them by
 * `CARREL_TEST_POSTGRES`. What is in it is deleted after them.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const postgres = {
  packages: ["@carrel/session-store", "@carrel/fault-harness", "@carrel/server"],
  purpose: "the tests on PostgreSQL",
  async meet() {
    const named = process.env.CARREL_TEST_POSTGRES;
    if (named) return { env: { CARREL_TEST_POSTGRES: named } };
    if (!findPostgres("initdb") && canInstall()) await install();
    if (!findPostgres("initdb")) {
      throw new Failure("initdb was not found; install PostgreSQL, or set CARREL_TEST_POSTGRES.");
    }
    const { url, stop } = await step("Starting a PostgreSQL for the tests", start);
    return { env: { CARREL_TEST_POSTGRES: url }, stop };
  },
};

/**
 * Debian keeps the programs of each version apart, and out of the PATH.
 *
 * @type {(name: string) => string | undefined}
 */
function findPostgres(name) {
  const installed = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  const newestFirst = installed.toSorted((one, other) => Number(other) - Number(one));
  return findProgram(
    [name],
    newestFirst.map((version) => join(DEBIAN_FOLDER, version, "bin")),
  );
}

/** Debian's package brings a cluster that runs; the tests have one of their own. */
async function install() {
  await installPackages("PostgreSQL", ["postgresql"]);
  const { output } = await runStep("pg_lsclusters", ["--no-header"], { quiet: true });
  for (const line of output.split("\n")) {
    const [version, name, , status] = line.trim().split(/\s+/);
    if (!version || !name || !status?.startsWith("online")) continue;
    await runStep("pg_ctlcluster", [version, name, "stop"], { quiet: true });
  }
}

/** @type {() => Promise<{ url: string, stop: () => Promise<void> }>} */
async function start() {
  const directory = mkdtempSync(join(tmpdir(), "carrel-postgres-"));
  const owner = process.getuid?.() === 0 ? otherUser() : undefined;
  if (owner) chownSync(directory, owner.uid, owner.gid);
  const removeAll = () => rmSync(directory, { recursive: true, force: true });
  try {
    const data = join(directory, "data");
    const asSuperuser = [`--username=${SUPERUSER}`, "--auth=trust"];
    const quick = ["--encoding=UTF8", "--locale=C", "--no-sync"];
    await run("initdb", [...asSuperuser, ...quick, `--pgdata=${data}`], owner);
    // Nothing listens on the network, and what a loss of power would take back is of no use to anybody.
    const settings = ["listen_addresses=", "fsync=off", "max_connections=200"];
    const socket = ["-k", directory, ...settings.flatMap((setting) => ["-c", setting])];
    const server = spawn(find("postgres"), ["-D", data, ...socket], {
      stdio: ["ignore", "ignore", "ignore"],
      // Its own group: Ctrl-C ends the tests first, and they need it to clean up.
      detached: true,
      cwd: directory,
      ...owner,
    });
    const stopServer = stopping(server);
    const stop = async () => {
      await stopServer();
      removeAll();
    };
    const url = `postgres://${SUPERUSER}@${encodeURIComponent(directory)}/postgres`;
    await waitUntilReady(server, directory, stop);
    return { url, stop };
  } catch (error) {
    removeAll();
    throw error;
  }
}

/** @type {(server: import("node:child_process").ChildProcess) => () => Promise<void>} */
function stopping(server) {
  const exited = once(server, "exit");
  // "Fast": those who are still connected are cut off.
  const killAtExit = () => server.kill("SIGINT");
  process.once("exit", killAtExit);
  return async () => {
    process.off("exit", killAtExit);
    server.kill("SIGINT");
    await Promise.race([exited, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    server.kill("SIGKILL");
  };
}

/** @type {(server: import("node:child_process").ChildProcess, directory: string, stop: () => Promise<void>) => Promise<void>} */
async function waitUntilReady(server, directory, stop) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const { code } = await runStep(find("pg_isready"), ["-q", "-h", directory], { quiet: true });
    if (code === 0) return;
    if (server.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Failure("PostgreSQL did not start; run initdb and postgres by hand to see why.");
    }
    await sleep(100);
  }
}

/**
 * PostgreSQL refuses to run as root.
 *
 * @type {() => { uid: number, gid: number }}
 */
function otherUser() {
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const wanted of OTHER_USERS) {
    const [, , uid, gid] = users.find(([name]) => name === wanted) ?? [];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Failure(
    `PostgreSQL does not run as root, and there is no user ${OTHER_USERS.join(" or ")}.`,
  );
}

/** @type {(name: string, args: readonly string[], owner: { uid: number, gid: number } | undefined) => Promise<void>} */
async function run(name, args, owner) {
  const program = spawn(find(name), args, {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: tmpdir(),
    ...owner,
  });
  let output = "";
  program.stderr.setEncoding("utf8").on("data", (text) => (output += text));
  const [code] = /** @type {[number | null]} */ (await once(program, "close"));
  if (code !== 0) throw new Failure(`${name} failed (exit code ${code}):\n${output.trimEnd()}`);
}

/** @type {(name: string) => string} */
function find(name) {
  const program = findPostgres(name);
  if (!program) throw new Failure(`${name} was not found, which belongs to PostgreSQL.`);
  return program;
}
