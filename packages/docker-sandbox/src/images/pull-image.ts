import type { Readable } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import { EngineWorkFailed, readMessages } from "../engine/read-messages.ts";
import { engineStatus, NO_SPACE, translateEngineError } from "../engine/translate-engine-error.ts";
import type { ImageReference } from "./image-reference.ts";
import { PullProgress } from "./pull-progress.ts";
import type { WorkContext } from "./shared-work.ts";

// A registry that does not answer at all is given up by the engine itself within a minute or two.
const IDLE_TIMEOUT_MS = 180_000;

/**
 * Pulls for the engine's own platform, with the credentials of nobody.
 *
 * @throws `not-found`, `unsupported` (no image for this platform), `no-space`, `unavailable`,
 * `timeout`, `aborted`
 */
export async function pullImage(
  engine: Engine,
  { name, version }: Extract<ImageReference, { kind: "name" }>,
  { signal, onProgress }: WorkContext,
): Promise<void> {
  const image = version.startsWith("sha256:") ? `${name}@${version}` : `${name}:${version}`;
  const progress = new PullProgress(image, onProgress);
  try {
    const stream = await engine.call(
      `pull the image ${image}`,
      (abortSignal) =>
        engine.docker.createImage({
          fromImage: name,
          tag: version,
          abortSignal,
        }) as Promise<Readable>,
      { signal, timeoutMs: IDLE_TIMEOUT_MS },
    );
    for await (const message of readMessages(stream, { idleTimeoutMs: IDLE_TIMEOUT_MS, signal })) {
      progress.add(message);
    }
  } catch (error) {
    throw explainPull(error, image, engine);
  }
}

interface Meaning {
  says: RegExp;
  code: SandboxErrorCode;
  advice: string;
}

/**
 * Most pulls fail inside of a stream that was answered with 200, and the others with 500 or 404
 * for anything: why, the engine says in a sentence only. So the sentences decide here, and what is not among them is told in general.
 */
const MEANINGS: readonly Meaning[] = [
  {
    says: NO_SPACE,
    code: "no-space",
    advice: "the disk of the engine is full; free some of it",
  },
  {
    says: /no matching manifest|image operating system .* cannot be used|does not match the specified platform/,
    code: "unsupported",
    advice: "the registry has it for other platforms only; choose one for this engine's",
  },
  {
    says: /manifest unknown|not found|does not exist/,
    code: "not-found",
    advice:
      "the registry has no such image, or shows it only to those who are logged in; check the name, or pull it on the engine's machine",
  },
  {
    says: /unauthorized|authentication required|access.* denied|forbidden/,
    code: "not-found",
    advice: "the registry does not show it without a login; pull it on the engine's machine",
  },
];

const UNREACHABLE =
  "the registry cannot be reached or does not answer properly; check the engine's network, or bring the image there with docker load, or name one that is there (the option image)";

function explainPull(error: unknown, image: string, engine: Engine): SandboxError {
  const refused = error instanceof EngineWorkFailed || engineStatus(error) !== null;
  if (!refused) {
    return translateEngineError(error, {
      action: `pull the image ${image}`,
      host: engine.host,
    });
  }
  const cause = SandboxError.isInstance(error) ? error.cause : error;
  const sentence = cause instanceof Error ? cause.message : "";
  const { code, advice } = MEANINGS.find(({ says }) => says.test(sentence)) ?? {
    code: "unavailable",
    advice: UNREACHABLE,
  };
  return new SandboxError({
    code,
    message: `The image ${image} could not be pulled: ${advice}.`,
    cause,
  });
}
