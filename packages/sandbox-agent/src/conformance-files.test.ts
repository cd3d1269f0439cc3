import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { createLocalProvider } from "./testing/local-provider.ts";

describeSandboxConformance({
  name: "the agent, files",
  part: "files",
  create: () => {
    const provider = createLocalProvider();
    return Promise.resolve({
      provider,
      [Symbol.asyncDispose]: () => provider[Symbol.asyncDispose](),
    });
  },
  knownGaps: [
    {
      reason:
        "This agent runs beside everything else on the machine; a container is what keeps it in.",
      tests: ["links › show no file of the host", "links › change no file of the host"],
    },
  ],
});
