import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

const SOURCE_CONDITION = "@carrel/source";

/**
 * How the tests of a package run: on the sources of all packages, so that nothing is built first,
 * with a JSON report that the summary of a whole run adds up.
 */
export function packageTests(directory: string, test: ViteUserConfig["test"] = {}): ViteUserConfig {
  return defineConfig({
    root: directory,
    ssr: { resolve: { conditions: [SOURCE_CONDITION, ...defaultServerConditions] } },
    test: {
      name: basename(directory),
      include: ["{src,test,e2e}/**/*.test.{ts,tsx}"],
      // Most tests wait for something, so that more files than cores go on at once.
      maxWorkers: 2 * availableParallelism(),
      testTimeout: 30_000,
      hookTimeout: 60_000,
      reporters: ["default", "json"],
      outputFile: { json: join(directory, "test-results/vitest.json") },
      ...test,
    },
  });
}
