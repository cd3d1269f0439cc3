import { MAX_COMMAND_TIMEOUT_MS, MAX_OUTPUT_BYTES, SandboxError } from "@carrel/backend-protocol";
import type {
  OutputChunk,
  ProcessHandle,
  ProcessResult,
  SandboxErrorCode,
} from "@carrel/backend-protocol";
import { abortable } from "./abortable.ts";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { LASTS, abandonOnAbort, ask, beginning, giveUp } from "./ask.ts";
import { Deadline } from "./deadline.ts";
import { CHUNK_HEAD_BYTES } from "./frames.ts";
import { OutputQueue } from "./output-queue.ts";
import {
  emptySchema,
  processResultSchema,
  readAnswer,
  startedSchema,
  wrongAnswer,
} from "./wire.ts";
import type { StartedProcess } from "./wire.ts";

const STREAMS: Readonly<Record<number, OutputChunk["stream"]>> = { 1: "stdout", 2: "stderr" };
/** Waits between attempts to reach a process again whose connection broke: half a minute in all. */
const RETRY_DELAYS_MS = [0, 100, 300, 1000, 3000, 5000, 10_000, 10_000];
/** Only after a connection that lasted so long are there all attempts again. */
const LASTING_MS = 60_000;
/** The first delay again after a connection that told something new: an agent can do so each time. */
const SLOWER_RETRY = 3;
/** However often something new came: each one takes the engine some work. */
const MAX_ATTACHMENTS = 1000;
/** What the agent may need to stop a process, beyond the time that the process has. */
const STOP_MARGIN_MS = 15_000;
/** `kill` answers when the process is gone; the agent gives up on one that stays after seconds. */
const KILL_TIMEOUT_MS = 30_000;

export interface AgentProcessOptions {
  channel: AgentChannel;
  /** Where output begins: the number after it is the first. */
  after: number;
  /** How long the process may run. @default {@link MAX_COMMAND_TIMEOUT_MS} */
  timeoutMs?: number;
  /** Most bytes that its output can have. @default {@link MAX_OUTPUT_BYTES} */
  maxOutputBytes?: number;
  signal?: AbortSignal | undefined;
}

/** A process in the sandbox. Its handle outlives the connection that it was started over. */
export class AgentProcess implements ProcessHandle {
  readonly id: string;
  readonly output: AsyncIterable<OutputChunk>;
  readonly result: Promise<ProcessResult>;
  readonly #channel: AgentChannel;
  readonly #queue: OutputQueue;
  readonly #instance: string;
  readonly #startedMs = performance.now();
  readonly #endings: number;
  /** Whatever the agent does, and over however many connections. */
  readonly #deadline: Deadline;
  #begun: BegunCall;
  #last: number;
  #open: boolean;
  #stdinClosed = false;
  #killed = false;
  #ended = false;
  #attempts = 0;
  #attachments = 0;
  #attachedMs: number;
  #lastWhenAttached: number;

  private constructor(begun: BegunCall, started: StartedProcess, options: AgentProcessOptions) {
    const { channel, after, maxOutputBytes = MAX_OUTPUT_BYTES } = options;
    const { timeoutMs = MAX_COMMAND_TIMEOUT_MS } = options;
    this.id = started.id;
    this.#open = started.open;
    this.#channel = channel;
    this.#endings = channel.endings;
    this.#begun = begun;
    this.#last = after;
    this.#lastWhenAttached = after;
    this.#attachedMs = channel.clock.nowMs;
    this.#deadline = new Deadline(channel.clock, timeoutMs + STOP_MARGIN_MS);
    this.#instance = begun.connection.hello.instance;
    const { memory } = channel;
    const { share } = begun.call;
    this.#queue = new OutputQueue({ maxBytes: maxOutputBytes, memory, share });
    this.output = this.#queue;
    this.result = this.#follow();
  }

  /** Wait until the agent says that the process runs. @throws SandboxError where it does not */
  static async begin(begun: BegunCall, options: AgentProcessOptions): Promise<AgentProcess> {
    const started = await beginning(begun, startedSchema, options.signal);
    return new AgentProcess(begun, started, options);
  }

  async write(data: string | Uint8Array): Promise<void> {
    this.#requireOpen();
    const { call } = this.#begun;
    await call.writeCopy(data);
    if (call.broken && !this.#ended) {
      throw new SandboxError({
        code: "unavailable",
        message:
          "The connection to the sandbox broke while input was written; part of it may have arrived.",
      });
    }
  }

  async closeStdin(): Promise<void> {
    this.#requireOpen();
    this.#stdinClosed = true;
    await this.#begun.call.end();
  }

  async kill(): Promise<void> {
    this.#killed = true;
    await this.#stop();
    await this.result;
  }

  /** Also where it has ended: then it stops what it left behind. */
  async #stop(): Promise<void> {
    // All that was in the sandbox ended with it.
    if (this.#channel.endings > this.#endings) return;
    const parameters = { id: this.id };
    const question = { method: "kill", parameters, answer: emptySchema, totalMs: KILL_TIMEOUT_MS };
    try {
      await ask(this.#channel, question);
    } catch (error) {
      // What does not kill it will not tell how it ended either.
      if (hasCode(error, "timeout")) giveUp(this.#begun.call, error);
      if (!isGone(error)) throw error;
    }
    // It is gone. What is left of its output is told soon, or never.
    this.#deadline.shortenTo(STOP_MARGIN_MS);
  }

  #requireOpen(): void {
    if (this.#open) return;
    throw new SandboxError({
      code: "invalid-argument",
      message: `The process ${this.id} was not started with stdin: "open".`,
    });
  }

  /** Read its output to the end, over as many connections as it takes. Never rejects. */
  async #follow(): Promise<ProcessResult> {
    let result = await this.#readToEnd();
    while (result === null && (await this.#attachAgain())) result = await this.#readToEnd();
    this.#ended = true;
    this.#deadline.clear();
    this.#begun.leave();
    this.#queue.end();
    const told = result ?? this.#lost();
    return this.#queue.failure ? { ...told, truncated: true } : told;
  }

  /** How it ended; `null` where the connection broke before. */
  async #readToEnd(): Promise<ProcessResult | null> {
    const { call } = this.#begun;
    const release = abandonOnAbort(call, this.#deadline.signal);
    try {
      for (let item = await call.next(); item !== null; item = await call.next()) {
        if (item.type !== "data") throw wrongAnswer(new Error("an event amid output"));
        this.#take(item.payload);
      }
      return readAnswer(processResultSchema, await call.result);
    } catch (error) {
      if (call.broken) return null;
      // Its memory was needed: the output has a gap, whatever else is known.
      if (SandboxError.isInstance(error) && hasCode(error, "capacity")) this.#queue.fail(error);
      // An agent that makes no sense is none that could tell how the process ended.
      giveUp(call, error);
      return this.#lost();
    } finally {
      release();
    }
  }

  #lost(): ProcessResult {
    const durationMs = Math.round(performance.now() - this.#startedMs);
    return { outcome: "lost", exitCode: null, signal: null, truncated: false, durationMs };
  }

  #take(payload: Buffer): void {
    const stream = STREAMS[payload[0] ?? 0];
    if (stream === undefined || payload.length <= CHUNK_HEAD_BYTES) {
      throw wrongAnswer(new Error("a chunk of output that is none"));
    }
    const sequence = payload.readUInt32BE(1);
    if (sequence <= this.#last) throw wrongAnswer(new Error("output that came before"));
    this.#last = sequence;
    // A copy: a small chunk would hold on to the large buffer that it came in.
    const data = new Uint8Array(payload.subarray(CHUNK_HEAD_BYTES));
    if (!this.#queue.push({ sequence, stream, data })) {
      throw wrongAnswer(new Error("more output than the process may have"));
    }
  }

  /** `false` where the process is out of reach for good. */
  async #attachAgain(): Promise<boolean> {
    const { signal } = this.#deadline;
    this.#renewAttempts();
    for (;;) {
      this.#begun.leave();
      const delayMs = RETRY_DELAYS_MS[this.#attempts++];
      if (delayMs === undefined || ++this.#attachments > MAX_ATTACHMENTS) return false;
      try {
        await abortable(new Promise((resolve) => setTimeout(resolve, delayMs)), signal);
        await this.#channel.clock.awake;
        if (this.#channel.endings > this.#endings) return false;
        return await this.#attachOnce();
      } catch (error) {
        if (signal.aborted || isFinal(error)) return false;
      }
    }
  }

  /** As far as the connection that broke was worth to be made. */
  #renewAttempts(): void {
    const lastedMs = this.#channel.clock.nowMs - this.#attachedMs;
    if (lastedMs > LASTING_MS) this.#attempts = 0;
    else if (this.#last > this.#lastWhenAttached) {
      this.#attempts = Math.min(this.#attempts, SLOWER_RETRY);
    }
  }

  /** `false` where another agent answers, which knows nothing of the process. */
  async #attachOnce(): Promise<boolean> {
    const begun = await this.#channel.begin({
      method: "attach",
      parameters: { id: this.id, after: this.#last },
      limits: LASTS,
      kind: "long",
      joins: false,
      signal: this.#deadline.signal,
    });
    const { call, connection } = begun;
    this.#begun = begun;
    if (connection.hello.instance !== this.#instance) {
      giveUp(call, new Error("another agent than the one that had the process"));
      return false;
    }
    this.#open = (await beginning(begun, startedSchema, this.#deadline.signal)).open;
    this.#attachedMs = this.#channel.clock.nowMs;
    this.#lastWhenAttached = this.#last;
    if (this.#stdinClosed) await call.end();
    // It may never have come to the agent. Where it fails again, whoever killed was told so.
    if (this.#killed) void this.#stop().catch(() => undefined);
    return true;
  }
}

/** Kills a process once the signal fires, or now if it did. */
export function killOnAbort(process: AgentProcess, signal: AbortSignal | undefined): void {
  if (!signal) return;
  // If the kill fails, the process is out of reach, and its result tells so.
  const onAbort = (): void => void process.kill().catch(() => undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  void process.result.then(() => signal.removeEventListener("abort", onAbort));
}

/** Trying again cannot help: the sandbox or the process is not there any more. */
function isFinal(error: unknown): boolean {
  return !SandboxError.isInstance(error) || isGone(error);
}

function isGone(error: unknown): boolean {
  return hasCode(error, "gone") || hasCode(error, "not-found");
}

function hasCode(error: unknown, code: SandboxErrorCode): boolean {
  return SandboxError.isInstance(error) && error.code === code;
}
