import { SandboxError } from "@carrel/backend-protocol";
import type { CreateOptions, StartProgress } from "@carrel/backend-protocol";
import { Installation } from "./container/installation.ts";
import { LABELS } from "./hardening/create-body.ts";
import type { Engine } from "./engine/engine.ts";
import { ensureImage } from "./images/ensure-image.ts";
import type { LocalImage } from "./images/inspect-image.ts";
import type { SandboxProgress } from "./images/sandbox-progress.ts";
import { checkMachine } from "./limits.ts";
import type { CheckedOptions } from "./provider-options.ts";
import { buildRuntime } from "./runtimes/build-runtime.ts";
import { ensureAgentVolume } from "./volumes/agent-volume.ts";
import type { FileStore } from "./workspace/file-store.ts";
import { HostDirectories } from "./workspace/host-directories.ts";
import { MAPPED_RANGE } from "./workspace/uid-range.ts";
import { VolumeUids } from "./workspace/volume-uids.ts";
import { NamedVolumes } from "./workspace/named-volumes.ts";

/** What containers need on the engine. Somebody may remove it while the provider runs. */
export interface Needs {
  image: LocalImage;
  agentVolume: string;
}

/** @param waiting is told of progress beside whom the provider's options name */
export async function prepare(
  engine: Engine,
  { image, onProgress }: CheckedOptions,
  waiting: CreateOptions = {},
): Promise<Needs> {
  const tell = (progress: SandboxProgress): void => {
    onProgress?.(progress);
    waiting.onProgress?.(startProgress(progress));
  };
  const options = { onProgress: tell, signal: waiting.signal };
  const local =
    typeof image === "string"
      ? await ensureImage(engine, image, options)
      : await buildRuntime(engine, image, options);
  return { image: local, agentVolume: await ensureAgentVolume(engine, local.id) };
}

function startProgress(progress: SandboxProgress): StartProgress {
  switch (progress.phase) {
    case "pulling": {
      const { phase, image, layers, layersDone } = progress;
      return { phase, detail: `${image}: ${layersDone} of ${layers} layers` };
    }
    case "building": {
      const { phase, runtime, step, steps } = progress;
      return { phase, detail: `${runtime}: step ${step} of ${steps}` };
    }
    default:
      return { phase: progress.phase };
  }
}

export async function openFiles(
  engine: Engine,
  { workspaceRoot, installationId, uids }: CheckedOptions,
  imageId: () => string,
): Promise<{ files: FileStore; installation: Installation }> {
  if (workspaceRoot !== undefined) {
    const files = await HostDirectories.open(workspaceRoot, uids, () => uidsOnEngine(engine));
    return { files, installation: new Installation(await files.installationId(installationId)) };
  }
  const installation = new Installation(installationId ?? "");
  const mapped = engine.info.rootless || engine.info.securityOptions.has("userns");
  const own = mapped ? MAPPED_RANGE : installation.uidBlock;
  const range = ("range" in uids ? uids.range : undefined) ?? own;
  const volumeUids = new VolumeUids(engine, installation, range);
  const files = new NamedVolumes({ engine, installation, imageId, uids: volumeUids });
  return { files, installation };
}

/** The uids of all containers on the engine that say which they have. */
async function uidsOnEngine(engine: Engine): Promise<number[]> {
  const filters = { label: [LABELS.uid] };
  const containers = await engine.call("see which uids are used", (abortSignal) =>
    engine.docker.listContainers({ all: true, filters, abortSignal }),
  );
  return containers.map(({ Labels }) => Number(Labels[LABELS.uid]));
}

/** What the engine cannot do, told before anything is made. */
export function checkEngine(engine: Engine, options: CheckedOptions): void {
  const { host, remote, info } = engine;
  const { workspaceRoot, ociRuntime, limits } = options;
  if (workspaceRoot !== undefined && remote) {
    throw new SandboxError({
      code: "invalid-argument",
      message: `The engine at ${host} may be on another machine, where workspaceRoot is not; leave it out, so that files lie in volumes of the engine.`,
    });
  }
  if (workspaceRoot !== undefined && (info.rootless || info.securityOptions.has("userns"))) {
    throw new SandboxError({
      code: "invalid-argument",
      message: `The engine at ${host} maps uids, so that sandboxes cannot own files in workspaceRoot; leave it out, so that files lie in volumes of the engine.`,
    });
  }
  if (ociRuntime !== undefined && !info.runtimes.includes(ociRuntime)) {
    throw new SandboxError({
      code: "invalid-argument",
      message: `The engine has no OCI runtime ${ociRuntime}; it has ${info.runtimes.join(", ")}.`,
    });
  }
  checkMachine(limits, engine);
}

/** An engine can be without its bridge. @throws `invalid-argument` */
export async function checkNetwork(engine: Engine, { network }: CheckedOptions): Promise<void> {
  if (network === "none") return;
  const bridge = engine.docker.getNetwork(network);
  try {
    await engine.call("look for its network", () => bridge.inspect());
  } catch (error) {
    if (!SandboxError.isInstance(error) || error.code !== "not-found") throw error;
    throw new SandboxError({
      code: "invalid-argument",
      message: `The engine at ${engine.host} has no network ${network}; start it without --bridge=none, or leave out the option network.`,
      cause: error,
    });
  }
}
