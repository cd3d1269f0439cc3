import { prepareAgentBinary } from "../setup/agent-binary.mjs";
import { findGo, goEnvironment } from "../setup/go.mjs";

/**
 * The program that runs in sandboxes, built from its sources, and for its own tests the Go that it
 * is written in, named to them by `CARREL_GO`.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const agent = {
  packages: ["@carrel/sandbox-agent", "@carrel/docker-sandbox", "@carrel/tooling"],
  purpose: "the tests of the agent",
  async meet() {
    await prepareAgentBinary();
    const { GOCACHE, GOFLAGS, GOPROXY, GOTOOLCHAIN, GOWORK } = goEnvironment();
    return { env: { CARREL_GO: await findGo(), GOCACHE, GOFLAGS, GOPROXY, GOTOOLCHAIN, GOWORK } };
  },
};
