import type Dockerode from "dockerode";
import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import { RUNTIME_LABEL } from "./runtime-label.ts";

// Another process may just have built an image that lost its tag to ours, and be about to use it.
const UNTAGGED_FOR_SECONDS = 60 * 60;

/**
 * Removes the images of the runtime `name` but for the one with `tag`: those of earlier versions of
 * its recipe, and what failed or doubled builds left an hour ago. One that a container uses, running
 * or stopped, is refused by the engine and stays until the next build.
 */
export async function removeSuperseded(
  engine: Engine,
  { name, tag: keptTag }: { name: string; tag: string },
  signal: AbortSignal,
): Promise<void> {
  const images = await imagesOf(engine, name, signal);
  const repository = keptTag.slice(0, keptTag.lastIndexOf(":") + 1);
  for (const image of images) {
    const tags = tagsOf(image);
    // An image that somebody built on top of this one has the label too, and a name of its own.
    const superseded = tags.filter((tag) => tag.startsWith(repository) && tag !== keptTag);
    const names = tags.length === 0 && isOld(image) ? [image.Id] : superseded;
    for (const reference of names) await removeImage(engine, reference, signal);
  }
}

/** After a build that failed: what earlier ones left an hour ago. */
export async function removeLeftovers(
  engine: Engine,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  for (const image of await imagesOf(engine, name, signal)) {
    if (tagsOf(image).length === 0 && isOld(image)) await removeImage(engine, image.Id, signal);
  }
}

function imagesOf(
  engine: Engine,
  name: string,
  signal: AbortSignal,
): Promise<Dockerode.ImageInfo[]> {
  const filters = { label: [`${RUNTIME_LABEL}=${name}`] };
  return engine.call(
    `list the images of the runtime ${name}`,
    (abortSignal) => engine.docker.listImages({ filters, abortSignal }),
    { signal },
  );
}

// An engine writes `<none>:<none>` for no tag, or nothing.
function tagsOf({ RepoTags }: Dockerode.ImageInfo): string[] {
  return (RepoTags ?? []).filter((tag) => !tag.startsWith("<none>"));
}

function isOld({ Created }: Dockerode.ImageInfo): boolean {
  return Date.now() / 1000 - Created > UNTAGGED_FOR_SECONDS;
}

async function removeImage(engine: Engine, reference: string, signal: AbortSignal): Promise<void> {
  try {
    await engine.call(
      `remove the image ${reference}`,
      (abortSignal) => engine.docker.getImage(reference).remove({ abortSignal }),
      { signal },
    );
  } catch (error) {
    // A container uses it, another process was faster, or the engine cannot now: what was asked for
    // is built, and the next build tries again.
    if (!SandboxError.isInstance(error) || error.code === "aborted") throw error;
  }
}
