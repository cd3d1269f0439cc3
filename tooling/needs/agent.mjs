import { prepareAgentBinary } from "../setup/agent-binary.mjs";

/**
 * The program that runs in sandboxes, built from its sources.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const agent = {
  packages: [
    "@carrel/sandbox-agent",
    "@carrel/docker-sandbox",
    "@carrel/fault-harness",
    "@carrel/server",
    "@carrel/tooling",
  ],
  purpose: "the tests in containers and of the agent",
  async meet() {
    await prepareAgentBinary();
    return { env: {} };
  },
};
