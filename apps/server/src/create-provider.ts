import type { SandboxProvider } from "@carrel/backend-protocol";
import { createDockerProvider } from "@carrel/docker-sandbox";
import type { SandboxProgress } from "@carrel/docker-sandbox";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import type { Logger } from "pino";
import type { Config, DockerConfig } from "./config.ts";

/**
 * The provider that the configuration names, ready to work.
 * @throws SandboxError where there is no engine or image, or another process uses the folder
 */
export async function createProvider(config: Config, logger: Logger): Promise<SandboxProvider> {
  if (config.sandbox.kind === "docker") return dockerProvider(config, config.sandbox, logger);
  const provider = createEmbeddedProvider({ root: config.workspaceRoot });
  // It opens its folder with the first call: one that another server uses is to be refused now, and
  // not at the first session.
  await provider.list();
  return provider;
}

function dockerProvider(
  { workspaceRoot }: Config,
  { engineHost, certificates, image, runtime, network }: DockerConfig,
  logger: Logger,
): Promise<SandboxProvider> {
  return createDockerProvider({
    workspaceRoot,
    network,
    engine: {
      ...(engineHost !== undefined && { host: engineHost }),
      ...(certificates !== undefined && { certificates }),
    },
    ...(image !== undefined && { image }),
    ...(runtime !== undefined && { runtime }),
    onProgress: (progress) => logProgress(progress, logger),
  });
}

function logProgress(progress: SandboxProgress, logger: Logger): void {
  logger.debug({ progress }, "the image of the sandboxes is made ready");
}
