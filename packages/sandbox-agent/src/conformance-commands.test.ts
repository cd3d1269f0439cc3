import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { createLocalProvider } from "./testing/local-provider.ts";

describeSandboxConformance({
  name: "the agent, commands",
  part: "commands",
  create: () => {
    const provider = createLocalProvider();
    return Promise.resolve({
      provider,
      [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
    });
  },
  knownGaps: [],
});
