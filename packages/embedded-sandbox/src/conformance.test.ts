import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { createTestProvider } from "./test-provider.ts";

describeSandboxConformance({
  name: "embedded",
  create: async () => {
    const { provider, root, [Symbol.asyncDispose]: dispose } = await createTestProvider();
    return { provider, hostPaths: [root, process.cwd()], [Symbol.asyncDispose]: dispose };
  },
  knownGaps: [],
});
