import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import { parseImageReference } from "./image-reference.ts";
import { inspectImage } from "./inspect-image.ts";
import type { LocalImage } from "./inspect-image.ts";
import { pullImage } from "./pull-image.ts";
import type { ProgressOptions } from "./sandbox-progress.ts";
import { sharedWorkPerEngine } from "./shared-work.ts";

const pullsOf = sharedWorkPerEngine<void>();

/**
 * The image on the engine, pulled once where it is not there. Containers are made from its id, so
 * that a name that later points elsewhere changes none of them. The reference comes from the
 * operator, never from a user.
 *
 * @throws `invalid-argument` where it is no reference
 * @throws `not-found` where neither the engine nor the registry has it
 * @throws `unsupported` where it is for another architecture than the engine's
 * @throws `no-space`, `unavailable`, `timeout`, `aborted`
 */
export async function ensureImage(
  engine: Engine,
  reference: string,
  options: ProgressOptions = {},
): Promise<LocalImage> {
  const parsed = parseImageReference(reference);
  let image = await inspectImage(engine, reference, options.signal);
  if (image === null && parsed.kind === "name") {
    await pullsOf(engine).join(
      `the image ${reference}`,
      (context) => pullImage(engine, parsed, context),
      options,
    );
    image = await inspectImage(engine, reference, options.signal);
  }
  if (image === null) {
    throw new SandboxError({
      code: "not-found",
      message: `The engine has no image ${reference}; load it there with docker load, or name one that can be pulled (the option image).`,
    });
  }
  return checkPlatform(image, reference, engine);
}

function checkPlatform(image: LocalImage, reference: string, { info }: Engine): LocalImage {
  if (image.architecture === info.architecture) return image;
  throw new SandboxError({
    code: "unsupported",
    message: `The image ${reference} is for ${image.architecture} and the engine's machine is ${info.architecture}; choose an image for it.`,
  });
}
