import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canInstall, installPackages } from "../setup/apt.mjs";
import { engineAnswers } from "../setup/docker.mjs";
import { Failure } from "../setup/failure.mjs";
import { findProgram } from "../setup/find-program.mjs";
import { step } from "../setup/progress.mjs";
import { CACHE } from "../setup/repository.mjs";

const LOG = join(CACHE, "dockerd.log");
const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin"];
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/**
 * A Docker engine: the one that answers, or one that is started for the tests and stopped after them.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const dockerEngine = {
  packages: ["@carrel/docker-sandbox", "@carrel/fault-harness", "@carrel/server"],
  purpose: "the tests in containers",
  async meet() {
    if (await engineAnswers()) return { env: {} };
    if (!findDaemon()) {
      if (!canInstall()) {
        throw new Failure(
          "no Docker engine answers; install one from https://docs.docker.com/engine/install.",
        );
      }
      await installPackages("Docker", ["docker.io"]);
      // An installation may start the engine by itself.
      if (await engineAnswers()) return { env: {} };
    }
    const stop = await step("Starting a Docker engine for the tests", start);
    return { env: {}, stop };
  },
};

/** @type {() => string | undefined} */
function findDaemon() {
  return process.getuid?.() === 0 ? findProgram(["dockerd"], FOLDERS) : undefined;
}

/** @type {() => Promise<() => Promise<void>>} */
async function start() {
  const program = findDaemon();
  if (!program) throw new Failure("dockerd is not on the PATH, or this user is not root.");
  mkdirSync(CACHE, { recursive: true });
  const log = openSync(LOG, "w");
  // Its own group: Ctrl-C ends the tests first, and they need it to clean up.
  const daemon = spawn(program, [], { stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  const exited = once(daemon, "exit");
  const killAtExit = () => daemon.kill("SIGTERM");
  process.once("exit", killAtExit);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await engineAnswers())) {
    if (daemon.exitCode !== null || Date.now() > deadline) {
      daemon.kill("SIGTERM");
      throw new Failure(`the Docker engine did not start; ${LOG} says why.`);
    }
    await sleep(200);
  }
  return async () => {
    process.off("exit", killAtExit);
    daemon.kill("SIGTERM");
    await Promise.race([exited, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
    daemon.kill("SIGKILL");
  };
}
