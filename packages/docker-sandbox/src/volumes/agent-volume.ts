import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { findAgentBinary } from "@carrel/sandbox-agent";
import type { Container } from "dockerode";
import { extract, pack } from "tar-stream";
import type { Extract } from "tar-stream";
import type { Engine } from "../engine/engine.ts";
import { withCarrier } from "./carrier.ts";

const PROGRAM = "carrel-agent";
/** Label of the volume: the hash of the program in it. */
const AGENT_LABEL = "carrel.agent";

/**
 * The volume with the agent's program, one for each engine and version of the program; made and
 * filled where it is not. Several processes may do so at once: all write the same. What is in it is
 * read back, so that a volume that was emptied or altered is filled anew.
 * @param imageId any image: none of it runs
 * @throws `unsupported` on other machines than amd64 and arm64, `unavailable`
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
  const mount = { volume, name: "agent", labels: { [AGENT_LABEL]: sha256 } };
  await withCarrier(engine, imageId, [mount], async (carrier, root) => {
    const directory = `${root}/agent`;
    if ((await contentHash(engine, carrier, directory)) === sha256) return;
    const archive = await archiveOf(await readFile(path));
    await engine.call("copy the agent", (abortSignal) =>
      // Uncompressed: engines before 29.5.1 unpack others with programs of the image.
      carrier.putArchive(archive, { path: directory, abortSignal }),
    );
    if ((await contentHash(engine, carrier, directory)) === sha256) return;
    throw new SandboxError({
      code: "unavailable",
      message: `The volume ${volume} does not hold the agent that was copied to it; remove it and try again.`,
    });
  });
  return volume;
}

function archiveOf(program: Buffer): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: PROGRAM, mode: 0o555, size: program.length }, program);
  archive.finalize();
  return buffer(archive);
}

/** Of the program in the volume, or `null` where there is none. */
async function contentHash(
  engine: Engine,
  carrier: Container,
  directory: string,
): Promise<string | null> {
  const path = `${directory}/${PROGRAM}`;
  const hash = createHash("sha256");
  const read = async (abortSignal: AbortSignal): Promise<void> => {
    const archive = await carrier.getArchive({ path, abortSignal });
    const entries = extract();
    await Promise.all([
      pipeline(archive, entries, { signal: abortSignal }),
      hashAll(entries, hash),
    ]);
  };
  try {
    await engine.call("read the agent", read);
  } catch (error) {
    if (SandboxError.isInstance(error) && error.code === "not-found") return null;
    throw error;
  }
  return hash.digest("hex");
}

async function hashAll(entries: Extract, hash: Hash): Promise<void> {
  for await (const entry of entries) {
    for await (const bytes of entry as AsyncIterable<Buffer>) hash.update(bytes);
  }
}
