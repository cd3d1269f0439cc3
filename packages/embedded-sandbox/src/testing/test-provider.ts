import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { createEmbeddedProvider } from "../embedded-provider.ts";
import type { EmbeddedProviderOptions } from "../embedded-provider.ts";

/** A provider on a temporary folder, which is deleted with it. For tests. */
export interface TestProvider extends AsyncDisposable {
  root: string;
  provider: SandboxProvider;
}

export async function createTestProvider(
  options: Omit<EmbeddedProviderOptions, "root"> = {},
): Promise<TestProvider> {
  const root = await mkdtemp(join(tmpdir(), "carrel-embedded-"));
  const provider = createEmbeddedProvider({ ...options, root });
  return {
    root,
    provider,
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
