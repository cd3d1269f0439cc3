import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure, hasCode } from "./failure.mjs";
import { say } from "./progress.mjs";

const RETRY_MS = 200;

/**
 * Work that one process at a time may do. The lock is a file with the id of its holder, so that
 * one which was killed does not hold it for ever.
 *
 * @template T
 * @param {string} lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(lock, work) {
  makeWritable(dirname(lock));
  for (let attempt = 1; !tryLock(lock); attempt++) {
    const holder = readHolder(lock);
    if (holder !== "" && !isAlive(holder)) removeAbandoned(lock, holder);
    else if (attempt === 2) say(`Waiting for process ${holder}, which holds ${lock}.`);
    await sleep(RETRY_MS);
  }
  const unlock = () => rmSync(lock, { force: true });
  process.once("exit", unlock);
  try {
    return await work();
  } finally {
    process.off("exit", unlock);
    unlock();
  }
}

/** @type {(directory: string) => void} */
function makeWritable(directory) {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK);
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].some((code) => hasCode(error, code))) throw error;
    throw new Failure(
      `${directory} cannot be written to by this user. Run this as the user who owns the clone, or make a clone of your own.`,
    );
  }
}

/** @type {(lock: string) => boolean} */
function tryLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
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
/** @type {(lock: string, holder: string) => void} */
function removeAbandoned(lock, holder) {
  const taken = `${lock}.${process.pid}`;
  try {
    renameSync(lock, taken);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return; // another waiter was faster
    throw error;
  }
  if (readHolder(taken) === holder) rmSync(taken);
  else renameSync(taken, lock);
}
