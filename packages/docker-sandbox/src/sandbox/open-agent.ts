import type { Duplex } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import type { Exec } from "dockerode";
import type { Engine } from "../engine/engine.ts";
import { AGENT_PATH, WORK_DIR } from "../hardening/places.ts";
import { ExecStream } from "./exec-stream.ts";

/** As shells say that a program cannot be run, and that it is not there; engines do the same. */
const CANNOT_RUN = [126, 127];
/** The words of Go's runtime where a thread cannot be made (EAGAIN): it ends the agent then. */
const NO_THREAD = /failed to create new OS thread .*errno=11/;

export interface OpenAgentOptions {
  containerId: string;
  uid: number;
  signal: AbortSignal;
}

/**
 * A stream to the agent in a container that runs.
 * @throws `not-found` where the container is gone, `conflict` where it does not run or is paused
 */
export async function openAgent(
  engine: Engine,
  { containerId, uid, signal }: OpenAgentOptions,
): Promise<Duplex> {
  const container = engine.docker.getContainer(containerId);
  const exec = await engine.call(
    "reach into the sandbox",
    (abortSignal) =>
      container.exec({
        Cmd: [AGENT_PATH, "connect", WORK_DIR],
        User: `${uid}:${uid}`,
        // The user may have closed the other one.
        WorkingDir: "/",
        Tty: false,
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    { signal },
  );
  const raw = await engine.call(
    "reach into the sandbox",
    (abortSignal) => exec.start({ hijack: true, stdin: true, abortSignal }),
    { signal },
  );
  return new ExecStream({
    raw,
    // The length of a frame comes first, and none of the agent's is 16 MiB long.
    isExpected: (first) => first[0] === 0,
    explainEnd: (said) => explainEnd(engine, exec, said),
  });
}

/** Why the agent ended before it greeted. */
async function explainEnd(engine: Engine, exec: Exec, said: string): Promise<SandboxError> {
  const cause = new Error(said === "" ? "nothing was said" : said);
  if (NO_THREAD.test(said)) return noRoom(cause);
  try {
    const { ExitCode: exitCode } = await engine.call("see how the agent ended", (abortSignal) =>
      exec.inspect({ abortSignal }),
    );
    const cannotRun = exitCode !== null && CANNOT_RUN.includes(exitCode);
    return new SandboxError({
      code: "unavailable",
      message: cannotRun
        ? "The agent cannot be run in this sandbox: its image, its OCI runtime or a limit prevents it."
        : `The agent ended before it answered (exit code ${exitCode ?? "unknown"}); the sandbox may have ended.`,
      cause,
    });
  } catch (error) {
    // The engine forgets what ran in a container that is gone.
    return SandboxError.isInstance(error)
      ? error
      : new SandboxError({ code: "unavailable", message: "The agent ended.", cause: error });
  }
}

function noRoom(cause: Error): SandboxError {
  return new SandboxError({
    code: "process-limit",
    message:
      "The sandbox runs as many processes as it may, so that its agent cannot start. Stop it and resume it: its files are kept.",
    cause,
  });
}
