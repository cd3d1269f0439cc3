import { existsSync } from "node:fs";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { createDockerProvider } from "@carrel/docker-sandbox";
import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
import type { Logger } from "pino";
import { ConfigError } from "../config.ts";
import type { Config, DockerConfig } from "../config.ts";
import { imageProgressLog } from "./image-progress-log.ts";
import { withVariables } from "./option-names.ts";
import { warnOfSharedUid } from "./shared-uid.ts";

/** An engine that was not asked for must not keep the server from starting. */
const ENGINE_TIMEOUT_MS = 3000;

/** What the errors of the Docker sandbox, which knows options only, are about here. */
const VARIABLES =
  "DOCKER_HOST and DOCKER_CERT_PATH say where the engine is and with which certificates, CARREL_IMAGE or CARREL_RUNTIME what sandboxes run, CARREL_WORKSPACE_ROOT where files lie. `docker load` brings an image to an engine that reaches no registry.";

const EMBEDDED_FILES =
  "Users have files in embedded sandboxes, which containers would not show. To begin without those, set CARREL_SANDBOX=docker.";

export interface ChosenProvider {
  provider: SandboxProvider;
  /** A sentence for people: why this kind of sandbox runs and no other. */
  reason: string;
  /** Nobody asked for the weaker sandbox: Docker could not be had, or users have files in this one. */
  fallback: boolean;
}

/**
 * The provider that the configuration names, ready to work. Where it names none: the one that users have
 * files in already; where there are none, Docker if that can be had, otherwise embedded. It is decided
 * here once; nothing falls back later.
 * @throws ConfigError where Docker was asked for and cannot be had, is configured wrongly, or has
 * files that embedded sandboxes would not show
 * @throws SandboxError where the folder of the workspaces cannot be used
 */
export async function chooseProvider(config: Config, logger: Logger): Promise<ChosenProvider> {
  const { sandbox, workspaceRoot } = config;
  if (sandbox.kind === "embedded") return chosen(await embedded(workspaceRoot));
  const isAsked = sandbox.kind === "docker";
  if (!isAsked && !hasDockerFiles(workspaceRoot)) {
    const provider = await withEmbeddedFiles(workspaceRoot);
    if (provider) return { provider, reason: EMBEDDED_FILES, fallback: true };
  }
  try {
    const provider = await docker(workspaceRoot, sandbox, {
      logger,
      ...(!isAsked && { timeoutMs: ENGINE_TIMEOUT_MS }),
    });
    warnOfSharedUid(logger);
    return chosen(provider, isAsked ? undefined : "A Docker engine answers.");
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    if (isAsked) throw refusal("CARREL_SANDBOX is docker, which cannot be had", error);
    if (error.code === "invalid-argument") throw refusal("Docker is set up wrongly", error);
    if (hasDockerFiles(workspaceRoot)) throw filesAreOnDocker(dockerRoot(workspaceRoot), error);
    const reason = `Docker cannot be used: ${withVariables(error.message)}`;
    const cause = error.cause instanceof Error ? error.cause.message : undefined;
    logger.warn({ code: error.code, cause }, `sandboxes are embedded. ${reason}`);
    return { provider: await embedded(workspaceRoot), reason, fallback: true };
  }
}

function chosen(provider: SandboxProvider, reason = "CARREL_SANDBOX says so."): ChosenProvider {
  return { provider, reason, fallback: false };
}

async function embedded(root: string): Promise<SandboxProvider> {
  const provider = createEmbeddedProvider({ root });
  // It opens its folder with the first call: one that another server uses is to be refused now, and
  // not at the first session.
  await provider.list();
  return provider;
}

/** The embedded one where users have files in it; `null` where nobody has. */
async function withEmbeddedFiles(workspaceRoot: string): Promise<SandboxProvider | null> {
  const provider = createEmbeddedProvider({ root: workspaceRoot });
  if ((await provider.list()).length > 0) return provider;
  await provider[Symbol.asyncDispose]();
  return null;
}

function docker(
  workspaceRoot: string,
  { engineHost, certificates, image, runtime, network, warmPool }: DockerConfig,
  { logger, timeoutMs }: { logger: Logger; timeoutMs?: number },
): Promise<SandboxProvider> {
  return createDockerProvider({
    workspaceRoot: dockerRoot(workspaceRoot),
    network,
    warm: { size: warmPool },
    engine: {
      ...(engineHost !== undefined && { host: engineHost }),
      ...(certificates !== undefined && { certificates }),
      ...(timeoutMs !== undefined && { timeoutMs }),
    },
    ...(image !== undefined && { image }),
    ...(runtime !== undefined && { runtime }),
    onProgress: imageProgressLog(logger),
  });
}

/**
 * Apart from the files of embedded sandboxes: those belong to another uid, and the server itself
 * opens them, which it must never do with what was made in a container.
 */
function dockerRoot(workspaceRoot: string): string {
  return join(workspaceRoot, "docker");
}

/** Whether sandboxes on Docker were ever made here. */
function hasDockerFiles(workspaceRoot: string): boolean {
  return existsSync(join(dockerRoot(workspaceRoot), "installation-id"));
}

function refusal(what: string, { message }: SandboxError): ConfigError {
  return new ConfigError([
    `${what}: ${withVariables(message)} Without Docker, CARREL_SANDBOX=embedded works.`,
    VARIABLES,
  ]);
}

function filesAreOnDocker(root: string, { message }: SandboxError): ConfigError {
  return new ConfigError([
    `Docker cannot be used, and what users made in sandboxes on Docker lies in ${root}, where embedded sandboxes would not find it. ${withVariables(message)} To begin without those files, set CARREL_SANDBOX=embedded.`,
    VARIABLES,
  ]);
}
