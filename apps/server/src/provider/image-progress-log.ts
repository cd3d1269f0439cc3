import type { OnProgress, SandboxProgress } from "@carrel/docker-sandbox";
import type { Logger } from "pino";

const INTERVAL_MS = 3000;
const BYTES_PER_MEGABYTE = 1_000_000;

/** What the first start waits for, in the log: a line at once, and then one every few seconds. */
export function imageProgressLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): OnProgress {
  let loggedAtMs = -Infinity;
  return (progress) => {
    const line = describe(progress);
    if (line === null || now() - loggedAtMs < INTERVAL_MS) return;
    loggedAtMs = now();
    logger.info(line);
  };
}

function describe(progress: SandboxProgress): string | null {
  if (progress.phase === "pulling") {
    const { image, layers, layersDone, downloadedBytes } = progress;
    const megabytes = Math.round(downloadedBytes / BYTES_PER_MEGABYTE);
    return `pulling the image ${image}: ${layersDone} of ${layers} layers, ${megabytes} MB so far`;
  }
  if (progress.phase === "building") {
    const { runtime, step, steps } = progress;
    return `building the runtime ${runtime}: step ${step} of ${steps}`;
  }
  return null;
}
