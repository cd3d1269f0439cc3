import { Failure } from "../setup/failure.mjs";
import { agent } from "./agent.mjs";
import { chromium } from "./chromium.mjs";
import { dockerEngine } from "./docker-engine.mjs";
import { go } from "./go.mjs";
import { impersonator } from "./impersonator.mjs";
import { postgres } from "./postgres.mjs";
import { testImage } from "./test-image.mjs";

/**
 * Something that the tests of some packages need beside Node.
 *
 * @typedef {object} Need
 * @property {readonly string[]} packages whose tests need it
 * @property {string} purpose what it is for, in a few words
 * @property {() => Promise<Met>} meet find or install it; a `Failure` says why it cannot be had
 *
 * @typedef {object} Met
 * @property {NodeJS.ProcessEnv} env the variables by which the tests find it
 * @property {() => Promise<void>} [stop] ends what was started for the tests
 */

/**
 * Those of a row build on each other; rows are met at the same time.
 *
 * @type {readonly (readonly Need[])[]}
 */
const NEEDS = [[chromium], [go, agent, impersonator], [dockerEngine, testImage], [postgres]];

/**
 * Provide what the tests of these packages need. What cannot be had is a problem to report; the
 * tests themselves skip without it, or fail in CI.
 *
 * @type {(packages: readonly { name: string }[]) => Promise<{ env: NodeJS.ProcessEnv, problems: string[], stop: () => Promise<void> }>}
 */
export async function meetNeeds(packages) {
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  /** @type {string[]} */
  const problems = [];
  /** @type {(() => Promise<void>)[]} */
  const stops = [];
  /** @type {(row: readonly Need[]) => Promise<void>} */
  const meetRow = async (row) => {
    for (const need of row) {
      if (!packages.some(({ name }) => need.packages.includes(name))) continue;
      try {
        const met = await need.meet();
        Object.assign(env, met.env);
        if (met.stop) stops.push(met.stop);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        problems.push(`Missing for ${need.purpose}: ${error.message}`);
      }
    }
  };
  await Promise.all(NEEDS.map(meetRow));
  const stop = async () => {
    await Promise.all(stops.map((each) => each()));
  };
  return { env, problems, stop };
}
