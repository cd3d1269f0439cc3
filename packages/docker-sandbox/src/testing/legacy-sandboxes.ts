import { randomBytes } from "node:crypto";
import { Installation, legacyHashKey } from "../container/installation.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS, SANDBOX_UID, createBody } from "../hardening/create-body.ts";
import type { CreateBody, FileSources } from "../hardening/create-body.ts";
import { checkLimits } from "../limits.ts";
import { prepare } from "../provider-needs.ts";
import { checkOptions } from "../provider-options.ts";
import { TEST_IMAGE } from "./engine.ts";

export interface LegacySandbox {
  containerId: string;
  sandboxId: string;
  legacyHash: string;
}

export interface LegacyOptions {
  installation: Installation;
  key: string;
  files: FileSources;
  hostsFile?: string;
  /** It was in a warm pool, and nobody's. */
  slotId?: string;
  persistRoot?: boolean;
}

/** Makes a container as servers did before names were keyed and sandboxes had uids of their own. */
export async function makeLegacyContainer(
  engine: Engine,
  { installation, key, files, hostsFile, slotId, persistRoot = false }: LegacyOptions,
): Promise<LegacySandbox> {
  const options = checkOptions({ installationId: "0123456789abcdef", image: TEST_IMAGE });
  const { image, agentVolume } = await prepare(engine, options);
  const legacyHash = legacyHashKey(key);
  const id = slotId?.slice(slotId.lastIndexOf("-") + 1) ?? randomBytes(8).toString("hex");
  const sandboxId = `docker-${id}`;
  const sealedKey = installation.seal(key);
  const body: CreateBody = createBody({
    installation: installation.label,
    owner: slotId === undefined ? { keyHash: legacyHash, sealedKey } : { warmSlot: slotId },
    sandboxId,
    imageId: image.id,
    imagePath: image.path,
    architecture: engine.info.architecture,
    agentVolume,
    files,
    uid: SANDBOX_UID,
    limits: checkLimits({}),
    network: "none",
    hostsFile,
    persistRoot,
    ociRuntime: undefined,
    sharesKernel: true,
    env: {},
  });
  const { [LABELS.uid]: _, ...Labels } = body.Labels;
  const name = installation.containerName(legacyHash);
  const container = await engine.docker.createContainer({ ...body, Labels, name } as object);
  return { containerId: container.id, sandboxId, legacyHash };
}
