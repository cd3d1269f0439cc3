import { bench } from "./commands/bench.mjs";
import { check } from "./commands/check.mjs";
import { dev } from "./commands/dev.mjs";
import { doctor } from "./commands/doctor.mjs";
import { exec } from "./commands/exec.mjs";
import { sample } from "./commands/sample.mjs";
import { soak } from "./commands/soak.mjs";
import { start } from "./commands/start.mjs";
import { test } from "./commands/test.mjs";
import { Failure } from "./setup/failure.mjs";
import { say } from "./setup/progress.mjs";
import { prepareToolchain } from "./setup/toolchain.mjs";

/**
 * Each resolves with the exit code.
 *
 * @type {Record<string, (toolchain: import("./setup/toolchain.mjs").Toolchain, args: string[]) => Promise<number>>}
 */
const COMMANDS = { start, dev, sample, test, check, bench, soak, doctor, exec };

const [name = "", ...args] = process.argv.slice(2);
const command = COMMANDS[name];
try {
  if (!command) {
    throw new Failure(`Usage: node tooling/carrel.mjs ${Object.keys(COMMANDS).join("|")}`);
  }
  process.exitCode = await command(await prepareToolchain(), args);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  say(error.message);
  process.exitCode = 1;
}
