import type { ProviderInfo } from "@carrel/backend-protocol";
import type { Installation } from "./container/installation.ts";
import type { Engine } from "./engine/engine.ts";
import { createBody } from "./hardening/create-body.ts";
import type { CreateBody } from "./hardening/create-body.ts";
import type { Needs } from "./provider-needs.ts";
import type { CheckedOptions } from "./provider-options.ts";
import type { BodyVariables } from "./warm/warm-slot.ts";
import type { FileStore } from "./workspace/file-store.ts";

/** What a provider is made of. */
export interface DockerProviderParts {
  engine: Engine;
  options: CheckedOptions;
  needs: Needs;
  files: FileStore;
  installation: Installation;
}

/** OCI runtimes whose containers run on the kernel of the machine; others may bring one of their own. */
const RUNTIMES_ON_THE_KERNEL = ["runc", "crun", "youki", "io.containerd.runc.v2"];

/** What the engine is asked for, for a sandbox of this provider. */
export function containerBody(
  { options, needs, installation, engine, files }: DockerProviderParts,
  variables: BodyVariables,
): CreateBody {
  const { limits, network, persistRoot, ociRuntime, env } = options;
  return createBody({
    ...variables,
    installation: installation.label,
    imageId: needs.image.id,
    imagePath: needs.image.path,
    architecture: engine.info.architecture,
    agentVolume: needs.agentVolume,
    limits,
    network,
    hostsFile: files.hostsFile,
    persistRoot,
    ociRuntime,
    sharesKernel: RUNTIMES_ON_THE_KERNEL.includes(ociRuntime ?? engine.info.defaultRuntime),
    env,
  });
}

export function describeProvider({ network }: CheckedOptions): ProviderInfo {
  const reach =
    network === "none"
      ? "no network"
      : "the network of its machine, and all that can be reached from there";
  return {
    name: "docker",
    description: `Each sandbox is a container of its own without privileges, with ${reach}.`,
    isolation: "container",
  };
}
