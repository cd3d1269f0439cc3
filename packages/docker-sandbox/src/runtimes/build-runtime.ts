import { createHash } from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import { ensureImage } from "../images/ensure-image.ts";
import { inspectImage } from "../images/inspect-image.ts";
import type { LocalImage } from "../images/inspect-image.ts";
import type { ProgressOptions } from "../images/sandbox-progress.ts";
import { sharedWorkPerEngine } from "../images/shared-work.ts";
import type { WorkContext } from "../images/shared-work.ts";
import { runBuild } from "./build-image.ts";
import { dockerfileOf } from "./dockerfile.ts";
import { removeLeftovers, removeSuperseded } from "./remove-superseded.ts";
import type { RuntimeRecipe } from "./runtime-recipe.ts";

export interface RuntimeImage extends LocalImage {
  /** `carrel-runtime-<name>:<hash>`; the hash stands for the Dockerfile and the base image. */
  tag: string;
}

const buildsOf = sharedWorkPerEngine<RuntimeImage>();

/**
 * The image of a recipe, built where the engine does not have it. Callers in this process share one
 * build. Two processes may build at the same time; both end with the same tag. After a build the
 * images of earlier versions of the recipe are removed, but for those that containers use.
 *
 * @throws `invalid-argument` for a recipe that cannot be used
 * @throws `unavailable` where a command of it fails, with the last lines of its output
 * @throws `no-space`, `timeout`, `aborted`, and what `ensureImage` says of the base image
 */
export async function buildRuntime(
  engine: Engine,
  recipe: RuntimeRecipe,
  options: ProgressOptions = {},
): Promise<RuntimeImage> {
  const dockerfile = dockerfileOf(recipe);
  const base = await baseOf(engine, recipe, options);
  const hash = createHash("sha256").update(`${base.id}\n${dockerfile}`).digest("hex");
  const tag = `${repositoryOf(recipe)}:${hash.slice(0, 16)}`;
  const image = await inspectImage(engine, tag, options.signal);
  if (image) return { ...image, tag };
  return buildsOf(engine).join(
    `the image ${tag}`,
    (context) => build({ engine, recipe, dockerfile, tag }, context),
    options,
  );
}

async function baseOf(
  engine: Engine,
  { name, baseImage }: RuntimeRecipe,
  options: ProgressOptions,
): Promise<LocalImage> {
  try {
    return await ensureImage(engine, baseImage, options);
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    const message = `${error.message} The runtime ${name} is built on it.`;
    throw new SandboxError({ code: error.code, message, cause: error });
  }
}

interface Job {
  engine: Engine;
  recipe: RuntimeRecipe;
  dockerfile: string;
  tag: string;
}

async function build(job: Job, context: WorkContext): Promise<RuntimeImage> {
  const { engine, recipe, dockerfile, tag } = job;
  try {
    await runBuild(engine, { name: recipe.name, dockerfile, tag }, context);
  } catch (error) {
    // A recipe that is being corrected finds what was built of it so far; nobody needs it for long.
    await removeLeftovers(engine, recipe.name, context.signal).catch(() => undefined);
    throw error;
  }
  const image = await inspectImage(engine, tag, context.signal);
  if (!image) {
    throw new SandboxError({
      code: "unavailable",
      message: `The runtime ${recipe.name} was built and is gone; something else removes images.`,
    });
  }
  await removeSuperseded(engine, { name: recipe.name, tag }, context.signal);
  return { ...image, tag };
}

function repositoryOf({ name }: RuntimeRecipe): string {
  return `carrel-runtime-${name}`;
}
