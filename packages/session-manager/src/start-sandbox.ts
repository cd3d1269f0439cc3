import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox, MemoryBudget, SandboxProvider } from "@carrel/backend-protocol";
import type { Deadline } from "./deadline.ts";
import { pause } from "./pause.ts";
import type { SessionProgress } from "./session-info.ts";

// Between two tries lie 20, 40, 80 … ms, 2.5 s in all: the time in which an engine still removes
// what it no longer shows, or another process is in the middle of making the same sandbox.
const MAX_TRIES = 8;
const FIRST_DELAY_MS = 20;

export interface StartRequest {
  provider: SandboxProvider;
  key: string;
  /** What this process keeps in memory for the sandbox counts there. */
  memory: MemoryBudget;
  /** The sandbox of this key that was used last, where there was one. */
  known: ManagedSandbox | null;
  /** An earlier `stop` may still be under way: `running` is not to be believed. */
  mistrustRunning: boolean;
  deadline: Deadline;
  /** Called right before a sandbox is resumed, which may run from there on, or (`null`) made. */
  onStarting: (sandbox: ManagedSandbox | null) => void;
  /** Told how far it has come, until this function settles. */
  onProgress: (progress: SessionProgress) => void;
  /** Receives a sandbox that was made after the deadline. */
  onLate: (sandbox: ManagedSandbox) => void;
}

export interface StartedSandbox {
  sandbox: ManagedSandbox;
  /** `running`: it ran already. `resumed`: it slept. `created`: it was made now. */
  how: "running" | "resumed" | "created";
}

/**
 * The running sandbox of a key: found, resumed or made. Others may do the same at the same time,
 * in other processes too: who loses takes the winner's.
 */
export async function startSandbox(request: StartRequest): Promise<StartedSandbox> {
  let collision: unknown;
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    if (attempt > 0) await pause(request.deadline, FIRST_DELAY_MS * 2 ** (attempt - 1));
    const known = attempt === 0 ? request.known : null;
    const started =
      (known && (await revive(request, known))) ??
      (await reviveFound(request)) ??
      (await create(request).catch((error: unknown) => {
        if (!hasCode(error, "already-exists")) throw error;
        collision = error;
        return null;
      }));
    if (started) return started;
  }
  throw new SandboxError({
    code: "unavailable",
    message: `The sandbox exists but could not be found in ${MAX_TRIES} tries. Try again later.`,
    cause: collision,
    retryAfterMs: 5000,
  });
}

async function reviveFound(request: StartRequest): Promise<StartedSandbox | null> {
  const { provider, key, memory, deadline } = request;
  const found = await deadline.run((signal) => provider.find(key, { signal, memory }));
  return found && (await revive(request, found));
}

/** `null` where the sandbox is gone. */
async function revive(
  { deadline, mistrustRunning, onStarting, onProgress }: StartRequest,
  sandbox: ManagedSandbox,
): Promise<StartedSandbox | null> {
  try {
    const status = await deadline.run((signal) => sandbox.status({ signal }));
    if (status === "gone") return null;
    if (status === "running" && !mistrustRunning) return { sandbox, how: "running" };
    onStarting(sandbox);
    onProgress({ phase: "waking" });
    await deadline.run((signal) => sandbox.resume({ signal }));
    return { sandbox, how: status === "running" ? "running" : "resumed" };
  } catch (error) {
    if (hasCode(error, "gone")) return null;
    throw error;
  }
}

async function create(request: StartRequest): Promise<StartedSandbox> {
  const { provider, key, memory, deadline, onLate } = request;
  request.onStarting(null);
  const onProgress = (progress: SessionProgress): void => {
    if (!deadline.signal.aborted) request.onProgress(progress);
  };
  const sandbox = await deadline.run(
    (signal) => provider.create(key, { signal, memory, onProgress }),
    onLate,
  );
  return { sandbox, how: "created" };
}

function hasCode(error: unknown, code: SandboxError["code"]): boolean {
  return SandboxError.isInstance(error) && error.code === code;
}
