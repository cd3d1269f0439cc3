import { join } from "node:path";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { createDockerProvider } from "@carrel/docker-sandbox";

/** The image that the set-up of the tests made; where it is named there is an engine too. */
const image = process.env["CARREL_TEST_IMAGE"];
const host = process.env["DOCKER_HOST"];

export interface SandboxKind {
  name: "embedded" | "docker";
  /** What a server is told, so that it runs this kind. */
  env: Record<string, string>;
  /** Why tests with it cannot run here, or `null`. In CI they run, and fail. */
  missing: string | null;
  /** Remove what servers on this data folder left on the engine. */
  cleanUp(dataDir: string): Promise<void>;
}

export const embedded: SandboxKind = {
  name: "embedded",
  env: { CARREL_SANDBOX: "embedded" },
  missing: null,
  cleanUp: () => Promise.resolve(),
};

export const docker: SandboxKind = {
  name: "docker",
  env: {
    CARREL_SANDBOX: "docker",
    ...(image !== undefined && { CARREL_IMAGE: image }),
    ...(host !== undefined && { DOCKER_HOST: host }),
  },
  missing: image !== undefined || process.env["CI"] ? null : "`npm test` brings an engine",
  async cleanUp(dataDir) {
    await using provider = await dockerProviderOf(dataDir);
    for (const { key } of await provider.list()) await provider.remove(key);
  },
};

/** Sees the containers of the servers on this data folder. */
export function dockerProviderOf(dataDir: string): Promise<SandboxProvider> {
  return createDockerProvider({
    workspaceRoot: join(dataDir, "workspaces/docker"),
    ...(image !== undefined && { image }),
    ...(host !== undefined && { engine: { host } }),
  });
}

/** For `describe.each`. */
export const sandboxKinds: readonly SandboxKind[] = [embedded, docker];

/** The name of a group of tests, with the reason where it is skipped. */
export function titleOf({ name, missing }: SandboxKind, what: string): string {
  return `${what} on ${name} sandboxes${missing === null ? "" : ` (skipped: ${missing})`}`;
}
