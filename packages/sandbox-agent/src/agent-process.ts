import { MAX_OUTPUT_BYTES, SandboxError } from "@carrel/backend-protocol";
import type { OutputChunk, ProcessHandle, ProcessResult } from "@carrel/backend-protocol";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { ask, parseAnswer, wrongAnswer } from "./ask.ts";
import { CHUNK_HEAD_BYTES } from "./frames.ts";
import { OutputQueue } from "./output-queue.ts";
import { emptySchema, processResultSchema, startedSchema } from "./wire.ts";

const STREAMS: Readonly<Record<number, OutputChunk["stream"]>> = { 1: "stdout", 2: "stderr" };
/** Waits between attempts to reach a process again whose connection broke: half a minute in all. */
const RETRY_DELAYS_MS = [0, 100, 300, 1000, 3000, 5000, 10_000, 10_000];
/** What the agent may need to stop a process, beyond the time that the process has. */
const STOP_MARGIN_MS = 15_000;
/** `kill` answers when the process is gone; the agent gives up on one that stays after seconds. */
const KILL_SILENCE_MS = 30_000;
const LOST: ProcessResult = {
  outcome: "lost",
  exitCode: null,
  signal: null,
  truncated: false,
  durationMs: 0,
};

export interface AgentProcessOptions {
  channel: AgentChannel;
  begun: BegunCall;
  /** Where output begins: the number after it is the first. */
  after: number;
  /** Most bytes that its output can have. @default {@link MAX_OUTPUT_BYTES} */
  maxOutputBytes?: number;
  /** When it must be over, in milliseconds from now. @default never: whoever started it knows */
  timeoutMs?: number;
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
  #begun: BegunCall;
  #last: number;
  #open: boolean;
  #ended = false;

  private constructor(options: AgentProcessOptions, started: { id: string; open: boolean }) {
    const { channel, begun, after, maxOutputBytes = MAX_OUTPUT_BYTES } = options;
    this.id = started.id;
    this.#open = started.open;
    this.#channel = channel;
    this.#endings = channel.endings;
    this.#begun = begun;
    this.#last = after;
    this.#instance = begun.connection.hello.instance;
    this.#queue = new OutputQueue(maxOutputBytes);
    this.output = this.#queue;
    this.result = this.#follow(options.timeoutMs);
  }

  /** Wait until the agent says that the process runs. @throws SandboxError where it does not */
  static async begin(options: AgentProcessOptions): Promise<AgentProcess> {
    const { call, leave } = options.begun;
    try {
      const item = await call.next();
      if (item?.type !== "event") throw wrongAnswer(new Error("a process that did not start"));
      const started = parseAnswer(startedSchema, JSON.parse(item.payload.toString("utf8")));
      return new AgentProcess(options, started);
    } catch (error) {
      call.cancel();
      leave();
      throw SandboxError.isInstance(error) ? error : wrongAnswer(error);
    }
  }

  async write(data: string | Uint8Array): Promise<void> {
    this.#requireOpen();
    const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
    const { call } = this.#begun;
    await call.write(bytes);
    if (call.broken && !this.#ended) {
      throw new SandboxError({
        code: "unavailable",
        message:
          "The connection to the sandbox broke while input was written; part of it may have arrived.",
      });
    }
  }

  closeStdin(): Promise<void> {
    this.#requireOpen();
    this.#begun.call.end();
    return Promise.resolve();
  }

  async kill(): Promise<void> {
    if (this.#ended) return;
    try {
      await ask(this.#channel, {
        method: "kill",
        parameters: { id: this.id },
        answer: emptySchema,
        silenceMs: KILL_SILENCE_MS,
      });
    } catch (error) {
      if (!SandboxError.isInstance(error) || error.code !== "not-found") throw error;
    }
    await this.result;
  }

  #requireOpen(): void {
    if (this.#open) return;
    throw new SandboxError({
      code: "invalid-argument",
      message: `The process ${this.id} was not started with stdin: "open".`,
    });
  }

  /** Read its output to the end, over as many connections as it takes. Never rejects. */
  async #follow(timeoutMs: number | undefined): Promise<ProcessResult> {
    const deadline =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => this.#giveUp(), Math.min(timeoutMs + STOP_MARGIN_MS, 2 ** 31 - 1));
    deadline?.unref();
    let result = await this.#readToEnd();
    while (result === null && (await this.#attachAgain())) result = await this.#readToEnd();
    clearTimeout(deadline);
    this.#ended = true;
    this.#begun.leave();
    this.#queue.end();
    return result ?? { ...LOST, durationMs: Math.round(performance.now() - this.#startedMs) };
  }

  #giveUp(): void {
    this.#begun.call.fail(
      new SandboxError({ code: "timeout", message: "The process was not stopped in time." }),
    );
  }

  /** How it ended; `null` where the connection broke before. */
  async #readToEnd(): Promise<ProcessResult | null> {
    const { call } = this.#begun;
    try {
      for (let item = await call.next(); item !== null; item = await call.next()) {
        if (item.type !== "data") throw wrongAnswer(new Error("an event amid output"));
        this.#take(item.payload);
      }
      return parseAnswer(processResultSchema, await call.result);
    } catch (error) {
      if (call.broken) return null;
      call.cancel();
      // An agent that makes no sense is none that could tell how the process ended.
      return SandboxError.isInstance(error) ? { ...LOST, durationMs: this.#runningMs() } : LOST;
    }
  }

  #runningMs(): number {
    return Math.round(performance.now() - this.#startedMs);
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
    const data = Uint8Array.from(payload.subarray(CHUNK_HEAD_BYTES));
    if (!this.#queue.push({ sequence, stream, data })) {
      throw wrongAnswer(new Error("more output than the process may have"));
    }
  }

  /** `false` where the process is out of reach for good. */
  async #attachAgain(): Promise<boolean> {
    this.#begun.leave();
    for (const delayMs of RETRY_DELAYS_MS) {
      if (this.#channel.endings > this.#endings) return false;
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      try {
        const begun = await this.#channel.begin({
          method: "attach",
          parameters: { id: this.id, after: this.#last },
          kind: "long",
          silenceMs: null,
        });
        this.#begun = begun;
        if (begun.connection.hello.instance !== this.#instance) return false;
        const item = await begun.call.next();
        if (item?.type !== "event") return false;
        this.#open = parseAnswer(startedSchema, JSON.parse(item.payload.toString("utf8"))).open;
        return true;
      } catch (error) {
        if (isFinal(error)) return false;
        this.#begun.leave();
      }
    }
    return false;
  }
}

/** Trying again cannot help: the sandbox or the process is not there any more. */
function isFinal(error: unknown): boolean {
  return !SandboxError.isInstance(error) || error.code === "gone" || error.code === "not-found";
}
