import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConformanceSubject } from "@carrel/backend-protocol/conformance";
import { createDockerProvider } from "../docker-provider.ts";
import type { DockerProviderOptions } from "../provider-options.ts";
import { TEST_IMAGE, testEngineOptions } from "./engine.ts";
import { expectNoLeaks } from "./leak-check.ts";

/** Two providers of one installation, that removes all it made. */
export async function createDockerSubject(
  more: Pick<DockerProviderOptions, "warm"> = {},
): Promise<ConformanceSubject> {
  const root = await mkdtemp(join(tmpdir(), "carrel-docker-"));
  const workspaceRoot = join(root, "workspaces");
  const options = { workspaceRoot, image: TEST_IMAGE, engine: testEngineOptions(), ...more };
  const provider = await createDockerProvider(options);
  return {
    provider,
    secondProvider: () => createDockerProvider(options),
    hostPaths: [root],
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]();
      // A test may have disposed of the one that it was given.
      await using cleaner = await createDockerProvider({ ...options, warm: { size: 0 } });
      for (const { key } of await cleaner.list()) await cleaner.remove(key);
      await expectNoLeaks(workspaceRoot);
      await rm(root, { recursive: true, force: true });
    },
  };
}
