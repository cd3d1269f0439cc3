import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { findAgentBinary } from "@carrel/sandbox-agent";
import { extract, pack } from "tar-stream";
import { engineStatus } from "../engine/translate-engine-error.ts";
import type { Engine } from "../engine/engine.ts";
import { AGENT_DIR } from "../hardening/places.ts";

const PROGRAM = "carrel-agent";
const AGENT_LABEL = "carrel.agent";

/**
 * The volume with the agent's program, filled where it is not: one for each engine and version. It
 * reaches the engine as an archive into a container that never starts, so that it works with a
 * remote engine and with any image.
 * @param imageId any image: none of it runs
 */
export async function ensureAgentVolume(engine: Engine, imageId: string): Promise<string> {
  const { architecture } = engine.info;
  if (architecture !== "amd64" && architecture !== "arm64") {
    throw new SandboxError({
      code: "unsupported",
      message: `Sandboxes run on amd64 and arm64; the engine's machine is ${architecture}.`,
    });
  }
  const { path, sha256 } = await findAgentBinary(architecture);
  const volume = `carrel-agent-${sha256.slice(0, 16)}`;
  await engine.call("create a volume", (abortSignal) =>
    engine.docker.createVolume({ Name: volume, Labels: { [AGENT_LABEL]: sha256 }, abortSignal }),
  );
  const carrier = await engine.call("create a container", (abortSignal) =>
    engine.docker.createContainer({
      name: `carrel-agent-${randomUUID()}`,
      Image: imageId,
      Entrypoint: ["/none"],
      Labels: { [AGENT_LABEL]: sha256 },
      NetworkDisabled: true,
      HostConfig: { Mounts: [{ Type: "volume", Source: volume, Target: AGENT_DIR }] },
      abortSignal,
    }),
  );
  try {
    if ((await contentHash(engine, carrier.id)) === sha256) return volume;
    const archive = await archiveOf(await readFile(path));
    await engine.call("copy the agent", (abortSignal) =>
      // Uncompressed: engines before 29.5.1 unpack others with programs of the image.
      carrier.putArchive(archive, { path: AGENT_DIR, abortSignal }),
    );
    if ((await contentHash(engine, carrier.id)) === sha256) return volume;
    throw new SandboxError({
      code: "unavailable",
      message: `The volume ${volume} does not hold the agent that was copied to it; remove it and try again.`,
    });
  } finally {
    await engine.call("remove a container", (abortSignal) =>
      carrier.remove({ force: true, abortSignal }),
    );
  }
}

function archiveOf(program: Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: PROGRAM, mode: 0o755, size: program.length }, program);
  archive.finalize();
  return buffer(archive);
}

async function contentHash(engine: Engine, containerId: string): Promise<string | null> {
  const container = engine.docker.getContainer(containerId);
  const path = `${AGENT_DIR}/${PROGRAM}`;
  try {
    return await engine.call("read the agent", async () => {
      const entries = extract();
      (await container.getArchive({ path })).pipe(entries);
      let hash: string | null = null;
      for await (const entry of entries) {
        hash = createHash("sha256")
          .update(await buffer(entry))
          .digest("hex");
      }
      return hash;
    });
  } catch (error) {
    if (SandboxError.isInstance(error) && engineStatus(error.cause) === 404) return null;
    throw error;
  }
}
