import type { ConformanceSubject } from "@carrel/backend-protocol/conformance";
import { createTestProvider } from "./test-provider.ts";

/** What the conformance suite tests: a provider on a temporary folder. */
export async function createConformanceSubject(): Promise<ConformanceSubject> {
  const { provider, root, [Symbol.asyncDispose]: dispose } = await createTestProvider();
  return { provider, hostPaths: [root, process.cwd()], [Symbol.asyncDispose]: dispose };
}
