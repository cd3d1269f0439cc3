import { Readable } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import { pack } from "tar-stream";
import type { Engine } from "../engine/engine.ts";
import { EngineWorkFailed, readMessages } from "../engine/read-messages.ts";
import { NO_SPACE, translateEngineError } from "../engine/translate-engine-error.ts";
import type { WorkContext } from "../images/shared-work.ts";
import { BuildLog } from "./build-log.ts";

const MAX_REASON_CHARS = 300;

export interface ImageBuild {
  /** Of the runtime, for messages. */
  name: string;
  dockerfile: string;
  tag: string;
}

// A command may compile for long and say nothing.
const IDLE_TIMEOUT_MS = 15 * 60_000;

/**
 * Builds with the engine's own builder: no program beside the engine is needed, and Dockerfiles of
 * recipes have nothing that only BuildKit knows. The context is the Dockerfile and nothing else, so
 * that no file of this machine can get into an image.
 */
export async function runBuild(
  engine: Engine,
  { name, dockerfile, tag }: ImageBuild,
  { signal, onProgress }: WorkContext,
): Promise<void> {
  const log = new BuildLog();
  try {
    const context = await makeContext(dockerfile);
    const stream = await engine.call(
      `build the runtime ${name}`,
      (abortSignal) =>
        engine.docker.buildImage(Readable.from([context]), {
          t: tag,
          version: "1",
          rm: true,
          forcerm: true,
          abortSignal,
        }) as Promise<Readable>,
      { signal, timeoutMs: IDLE_TIMEOUT_MS },
    );
    for await (const message of readMessages(stream, { idleTimeoutMs: IDLE_TIMEOUT_MS, signal })) {
      if (message.stream !== undefined && log.add(message.stream)) {
        onProgress({ phase: "building", runtime: name, ...log.position });
      }
    }
  } catch (error) {
    if (error instanceof EngineWorkFailed) throw buildFailed(error, name, log);
    throw translateEngineError(error, { action: `build the runtime ${name}`, host: engine.host });
  }
}

async function makeContext(dockerfile: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "Dockerfile" }, dockerfile);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function buildFailed(error: EngineWorkFailed, name: string, log: BuildLog): SandboxError {
  const output = log.tail();
  const full = NO_SPACE.test(error.message) || NO_SPACE.test(output);
  // Where no command ended, the engine itself says why.
  const isCommand = error.exitCode !== null;
  const reason = (isCommand && log.lastWords()) || error.message;
  const ending = `${isCommand ? `ended with code ${error.exitCode}` : "failed"} (${reason.slice(0, MAX_REASON_CHARS)})`;
  const advice = full
    ? "the disk of the engine is full; free some of it"
    : "correct the recipe, or check the engine's network";
  return new SandboxError({
    code: full ? "no-space" : "unavailable",
    message: `The runtime ${name} could not be built: step ${log.position.step} of ${log.position.steps} ${ending}; ${advice}.${output && `\n${output}`}`,
    cause: error,
  });
}
