import process from "node:process";
import type { Logger } from "pino";

/**
 * Warns if sandboxes on Docker share the server's uid. Their files lie in directories of the host, which
 * only root can give to another uid.
 */
export function warnOfSharedUid(logger: Logger, uid: number = process.getuid?.() ?? 0): void {
  if (uid === 0) return;
  logger.warn(
    { uid },
    "the server is not root, so that all sandboxes run as its uid: one user can use up what the kernel counts by uid, and stop the commands of all others. Run the server as root to give each sandbox a uid of its own",
  );
}
