import { Failure } from "../setup/failure.mjs";
import { chromium } from "./chromium.mjs";

/**
 * Something that the tests of some packages need beside Node.
 *
 * @typedef {object} Need
 * @property {readonly string[]} packages whose tests need it
 * @property {string} purpose what it is for, in a few words
 * @property {() => Promise<NodeJS.ProcessEnv>} meet find or install it: the variables by which the
 *   tests find it, or a `Failure` that says why it cannot be had
 */

/** @type {readonly Need[]} */
const NEEDS = [chromium];

/**
 * Provide what the tests of these packages need. What cannot be had is a problem to report; the
 * tests themselves skip without it, or fail in CI.
 *
 * @type {(packages: readonly { name: string }[]) => Promise<{ env: NodeJS.ProcessEnv, problems: string[] }>}
 */
export async function meetNeeds(packages) {
  /** @type {{ env: NodeJS.ProcessEnv, problems: string[] }} */
  const met = { env: {}, problems: [] };
  for (const need of NEEDS) {
    if (!packages.some(({ name }) => need.packages.includes(name))) continue;
    try {
      Object.assign(met.env, await need.meet());
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      met.problems.push(`Missing for ${need.purpose}: ${error.message}`);
    }
  }
  return met;
}
