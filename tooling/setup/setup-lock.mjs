import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasCode } from "./failure.mjs";
import { say } from "./progress.mjs";
import { CACHE } from "./repository.mjs";

const LOCK = join(CACHE, "setup.lock");
const RETRY_MS = 200;

/**
 * Let one process at a time change the tools and dependencies of this clone. The lock is a file
 * with the id of its holder, so that one which was killed does not hold it for ever.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withSetupLock(work) {
  mkdirSync(CACHE, { recursive: true });
  for (let attempt = 1; !tryLock(); attempt++) {
    const holder = readHolder(LOCK);
    if (holder !== "" && !isAlive(holder)) removeAbandoned(holder);
    else if (attempt === 2) say(`Waiting for process ${holder}, which holds ${LOCK}.`);
    await sleep(RETRY_MS);
  }
  process.once("exit", unlock);
  try {
    return await work();
  } finally {
    process.off("exit", unlock);
    unlock();
  }
}

function tryLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

function unlock() {
  rmSync(LOCK, { force: true });
}

/** @type {(file: string) => string} */
function readHolder(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return ""; // given back in between
    throw error;
  }
}

/** @type {(holder: string) => boolean} */
function isAlive(holder) {
  try {
    process.kill(Number(holder), 0);
    return true;
  } catch (error) {
    return !hasCode(error, "ESRCH");
  }
}

// Another waiter may have removed the abandoned lock and taken it itself since it was read. Only a
// rename shows which of the two this is, so that is looked at before anything is deleted.
/** @type {(holder: string) => void} */
function removeAbandoned(holder) {
  const taken = `${LOCK}.${process.pid}`;
  try {
    renameSync(LOCK, taken);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return; // another waiter was faster
    throw error;
  }
  if (readHolder(taken) === holder) rmSync(taken);
  else renameSync(taken, LOCK);
}
