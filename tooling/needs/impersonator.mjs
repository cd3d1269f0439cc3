import { prepareImpersonator } from "../setup/agent-binary.mjs";

/**
 * The program that impersonates the agent in hostile tests, built from its sources.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const impersonator = {
  packages: ["@carrel/sandbox-agent", "@carrel/server"],
  purpose: "the hostile tests of an impersonated agent",
  async meet() {
    await prepareImpersonator();
    return { env: {} };
  },
};
