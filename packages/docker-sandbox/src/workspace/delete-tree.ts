import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { SandboxError } from "@carrel/backend-protocol";

const DELETE_TIMEOUT_MS = 10 * 60_000;

const run = promisify(execFile);

/**
 * Delete a directory that a user filled. `rm` goes by descriptors: it follows no link, and no depth
 * is too deep for it. It runs beside this process, whose few threads for files it leaves alone.
 * @throws `unavailable` where something remains
 */
export async function deleteTree(path: string, signal?: AbortSignal): Promise<void> {
  const options = { timeout: DELETE_TIMEOUT_MS, signal };
  try {
    // Root needs no permission; another user has to give it to himself where the sandbox took it.
    if (process.getuid?.() !== 0) await run("chmod", ["-R", "u+rwX", "--", path], options);
    await run("rm", ["-rf", "--", path], options);
  } catch (cause) {
    throw new SandboxError({
      code: "unavailable",
      message:
        "Some files of a sandbox could not be deleted; they are out of reach, and deleted when the server starts the next time.",
      cause,
    });
  }
}
