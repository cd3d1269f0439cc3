import { addAbortSignal } from "node:stream";
import type { Readable } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";

/** One line of a pull's or build's stream, with the fields that are read here. */
export interface EngineMessage {
  /** Of a build: output, with line ends. */
  stream?: string;
  /** Of a pull: what happens to the layer `id`. */
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  /** Says why the work failed, and is the last line. */
  errorDetail?: { message?: string; code?: number };
}

/** The engine's work failed after it had answered with 200, so that there is no status. */
export class EngineWorkFailed extends Error {
  /** Of the command that failed, where it was one. */
  readonly exitCode: number | null;

  constructor({ message = "no reason", code }: NonNullable<EngineMessage["errorDetail"]>) {
    super(message);
    this.exitCode = code ?? null;
  }

  static {
    this.prototype.name = "EngineWorkFailed";
  }
}

export interface ReadMessagesOptions {
  /** How long the engine may say nothing. */
  idleTimeoutMs: number;
  signal: AbortSignal;
}

// The longest seen are a few KiB; a line of a build's output is cut by the engine at 64 KiB.
const MAX_LINE_CHARS = 1024 * 1024;

/**
 * The lines of JSON that the engine sends while it pulls or builds. Whoever stops reading closes the
 * connection, and the engine stops its work then.
 *
 * @throws EngineWorkFailed where the work fails, with the engine's reason
 * @throws `timeout` where nothing comes for `idleTimeoutMs`, `unavailable` for what is no JSON
 */
export async function* readMessages(
  stream: Readable,
  { idleTimeoutMs, signal }: ReadMessagesOptions,
): AsyncGenerator<EngineMessage, void> {
  addAbortSignal(signal, stream);
  const timer = setTimeout(() => stream.destroy(silent(idleTimeoutMs)), idleTimeoutMs);
  let rest = "";
  stream.setEncoding("utf8");
  try {
    for await (const text of stream as AsyncIterable<string>) {
      timer.refresh();
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > MAX_LINE_CHARS) throw malformed();
      for (const line of lines) if (line.trim() !== "") yield parseMessage(line);
      timer.refresh();
    }
    if (rest.trim() !== "") yield parseMessage(rest);
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}

function parseMessage(line: string): EngineMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw malformed(cause);
  }
  if (typeof value !== "object" || value === null) throw malformed();
  const message: EngineMessage = value;
  if (message.errorDetail) throw new EngineWorkFailed(message.errorDetail);
  return message;
}

function malformed(cause?: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The engine's progress cannot be read; check that nothing alters its traffic.",
    cause,
  });
}

function silent(idleTimeoutMs: number): SandboxError {
  return new SandboxError({
    code: "timeout",
    message: `The engine reported no progress for ${idleTimeoutMs / 1000} s; check its network and its load.`,
  });
}
