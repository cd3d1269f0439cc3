import { findGo, GO_ENVIRONMENT } from "../setup/go.mjs";

/**
 * The Go that the agent's own tests are run by, named to them by `CARREL_GO`.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const go = {
  packages: ["@carrel/sandbox-agent"],
  purpose: "the agent's own tests",
  async meet() {
    return { env: { CARREL_GO: await findGo(), ...GO_ENVIRONMENT } };
  },
};
