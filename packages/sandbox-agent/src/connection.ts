import type { Duplex } from "node:stream";
import { LoopShare, MemoryMeter, SandboxError } from "@carrel/backend-protocol";
import type { MemoryBudget } from "@carrel/backend-protocol";
import { Call } from "./call.ts";
import type { CallLimits } from "./call.ts";
import { FrameToll } from "./frame-toll.ts";
import { FRAME, FrameDecoder, FrameError, MAX_JSON_BYTES } from "./frames.ts";
import type { Frame } from "./frames.ts";
import { greet, hasEnded } from "./greet.ts";
import { hasTooManyValues } from "./json-values.ts";
import { Outgoing } from "./outgoing.ts";
import { errorFromWire, parseJson } from "./wire.ts";
import type { AgentHello } from "./wire.ts";

/** First window of every stream of a call, in both directions. */
export const WINDOW_BYTES: number = 1024 * 1024;
const HELLO_TIMEOUT_MS = 15_000;
const TICK_MS = 1000;
const PING_INTERVAL_MS = 10_000;
/** While a call is open: somebody waits, and is told soon where nobody is there any more. */
const BUSY_PING_INTERVAL_MS = 2000;
/** How long nothing may come after a `PING`. */
const PONG_TIMEOUT_MS = 15_000;
/** After a `PING` to which nothing came for so long, and again for as long, silence is told. */
const SILENCE_TOLD_MS = 2000;
/** What an agent has open at a time. Those that are stopped count until it ends them. */
const MAX_CALLS = 256;
/** Calls that the agent does not end, though it was asked to stop them so long ago. */
const MAX_STUCK_CALLS = 50;
const STUCK_MS = 30_000;
/** Answers to its pings that wait because the agent reads nothing. */
const MAX_UNREAD_PONGS = 10_000;
/** Frames for calls that are over may cross their end; a flood of them is no accident. */
const MAX_STRAY_FRAMES = 10_000;
/** Calls are refused while so much waits to be read: an agent can end calls that it never read. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;
const MAX_STREAM = 2 ** 31 - 1;
/** A `WINDOW` of less brings nothing: an agent gives half of one megabyte at a time. */
const SMALL_WINDOW_BYTES = 1024;
/** How many frames are received before the loop's time is looked at. */
const FRAMES_AT_A_TIME = 64;

export interface NewCall {
  method: string;
  /** JSON, but for `undefined`, which is left out. */
  parameters: object;
  limits: CallLimits;
  /** The agent's `DATA` is one run of bytes. @default true */
  joins?: boolean;
  /** The budget in which what the call holds counts. @default none */
  memory?: MemoryBudget;
}

/** One byte stream to an agent, from its hello to its end. */
export class AgentConnection {
  readonly hello: AgentHello;
  /** Called while a call is open and the agent does not answer, every other second. */
  onSilence: () => void = () => undefined;
  readonly #stream: Duplex;
  readonly #outgoing: Outgoing;
  readonly #calls = new Map<number, Call>();
  /** The loop's time that this agent takes, with all its calls. */
  readonly #share = new LoopShare();
  readonly #toll = new FrameToll();
  #lastStream = 0;
  #strayFrames = 0;
  #unreadPongs = 0;
  #failure: SandboxError | null = null;
  #timer: NodeJS.Timeout | null = null;
  #sincePingMs = 0;
  #awaitedPongMs: number | null = null;
  #unansweredPings = 0;
  /** The ping that asked for one has a number, so that no answer to an earlier one passes for it. */
  #signOfLife: (PromiseWithResolvers<void> & { ping: Buffer }) | null = null;
  #pings = 0n;

  private constructor(stream: Duplex, hello: AgentHello) {
    this.#stream = stream;
    this.#outgoing = new Outgoing(stream);
    this.hello = hello;
  }

  /**
   * Greet the agent at the other end of a byte stream, which belongs to the connection from then on.
   * @throws `unavailable` where no agent answers, `aborted`
   */
  static async open(stream: Duplex, signal?: AbortSignal): Promise<AgentConnection> {
    const decoder = new FrameDecoder();
    const deadline = AbortSignal.timeout(HELLO_TIMEOUT_MS);
    const stop = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const greeting = { decoder, windowBytes: WINDOW_BYTES, signal: stop };
      const { hello, rest } = await greet(stream, greeting);
      const connection = new AgentConnection(stream, hello);
      connection.#attach(decoder, rest);
      return connection;
    } catch (error) {
      stream.destroy();
      if (SandboxError.isInstance(error)) throw error;
      const code = signal?.aborted ? "aborted" : "unavailable";
      throw new SandboxError({
        code,
        message: "No agent answered at the other end of the connection to the sandbox.",
        cause: error,
      });
    }
  }

  /** Why it is over; `null` while it lives. */
  get failure(): SandboxError | null {
    return this.#failure;
  }

  /**
   * Begin a call.
   * @throws `too-large` where its parameters are over a mebibyte, `capacity` where the agent has not
   * read or not ended enough of the calls before; the reason where the connection is over
   */
  call({ method, parameters, limits, joins = true, memory }: NewCall): Call {
    if (this.#lastStream === MAX_STREAM) this.close(brokenError("it has no numbers left"));
    if (this.#failure) throw this.#failure;
    const payload = Buffer.from(JSON.stringify({ ...parameters, method }));
    if (payload.length > MAX_JSON_BYTES) {
      throw new SandboxError({
        code: "too-large",
        message: `The arguments take ${payload.length} bytes; ${MAX_JSON_BYTES} are allowed.`,
      });
    }
    if (this.#calls.size >= MAX_CALLS) {
      throw busyError(`has ${MAX_CALLS} calls open, some of which it is still stopping`);
    }
    if (this.#outgoing.unsentBytes > MAX_UNSENT_BYTES) {
      throw busyError("does not read what was sent to it");
    }
    const stream = ++this.#lastStream;
    const call = new Call({
      sink: this.#outgoing,
      stream,
      receiveWindow: WINDOW_BYTES,
      sendWindow: this.hello.window,
      limits,
      joins,
      memory,
      share: this.#share,
    });
    this.#calls.set(stream, call);
    this.#outgoing.send(FRAME.open, stream, payload);
    return call;
  }

  /** Counts from now on what waits for the agent to read it. The largest holder is ended with its connection. */
  countIn(memory: MemoryBudget): void {
    this.#outgoing.countIn(new MemoryMeter(memory, (error) => this.close(error)));
  }

  /** Count no time and ask for no sign of life: the sandbox is frozen. */
  suspend(): void {
    if (this.#timer) clearInterval(this.#timer);
    this.#timer = null;
  }

  wake(): void {
    if (this.#timer || this.#failure) return;
    // Whether it is still there is asked at once.
    this.#sincePingMs = PING_INTERVAL_MS;
    this.#awaitedPongMs = null;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  /**
   * Ask for a sign of life now, also while it is suspended. Resolves when one comes; never, where the
   * connection ends before.
   */
  signOfLife(): Promise<void> {
    const ping = Buffer.alloc(8);
    ping.writeBigUInt64BE(++this.#pings);
    // Whoever asked before hears of this one's answer too.
    const { promise, resolve, reject } = this.#signOfLife ?? Promise.withResolvers<void>();
    this.#signOfLife = { promise, resolve, reject, ping };
    this.#ping(ping);
    return promise;
  }

  /** End the connection; its calls fail with this error. */
  close(error: SandboxError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.suspend();
    this.#sayGoodbye(error);
    this.#stream.destroy();
    for (const call of this.#calls.values()) call.fail(error, { broken: true });
    this.#calls.clear();
  }

  #attach(decoder: FrameDecoder, rest: readonly Frame[]): void {
    const stream = this.#stream;
    stream.on("data", (bytes: Buffer) => {
      // Whatever comes is a sign of life.
      if (this.#awaitedPongMs !== null) this.#awaitedPongMs = 0;
      this.#receiveAll(decoder.push(bytes));
    });
    stream.on("error", (error) => this.close(brokenError("it failed", error)));
    stream.on("end", () => this.close(brokenError("it ended")));
    stream.on("close", () => this.close(brokenError("it was closed")));
    if (hasEnded(stream)) return this.close(brokenError("it was closed"));
    this.wake();
    this.#receiveAll(rest.values());
  }

  /** Receives what came. If it takes long, the stream waits while others have their turns. */
  #receiveAll(frames: Iterator<Frame, void>): void {
    let hasMore = true;
    while (hasMore && !this.#failure) {
      const turn = this.#share.turn();
      if (turn) {
        this.#stream.pause();
        void turn.then(() => this.#receiveAll(frames));
        return;
      }
      hasMore = this.#receiveSome(frames);
    }
    if (!this.#failure && this.#stream.isPaused()) this.#stream.resume();
  }

  /** Receives a few. @returns `false` if there are no more */
  #receiveSome(frames: Iterator<Frame, void>): boolean {
    const startMs = performance.now();
    try {
      for (let count = 0; count < FRAMES_AT_A_TIME && !this.#failure; count++) {
        const { done, value } = frames.next();
        if (done) return false;
        // What the frame wakes takes time as well.
        this.#share.chargePiece(0);
        this.#receive(value);
      }
    } catch (error) {
      this.close(brokenError("the agent broke its protocol", error));
    } finally {
      this.#share.charge(performance.now() - startMs);
    }
    return true;
  }

  #receive({ type, stream, payload }: Frame): void {
    if (type === FRAME.ping) return this.#answerPing(payload);
    if (type === FRAME.pong) this.#receivePong(payload);
    else if (type === FRAME.goodbye) {
      this.close(brokenError("the agent ended it", errorFromWire(parseJson(payload))));
    } else if (stream === 0) throw new FrameError(`a frame of type ${type} outside of a call`);
    else this.#receiveOn(stream, type, payload);
  }

  #answerPing(payload: Buffer): void {
    this.#toll.take();
    this.#unreadPongs = this.#outgoing.congested ? this.#unreadPongs + 1 : 0;
    if (this.#unreadPongs > MAX_UNREAD_PONGS) {
      throw new FrameError("pings whose answers are not read");
    }
    this.#outgoing.send(FRAME.pong, 0, Buffer.from(payload));
  }

  #ping(payload: Buffer): void {
    this.#unansweredPings++;
    this.#outgoing.send(FRAME.ping, 0, payload);
  }

  #receivePong(payload: Buffer): void {
    if (--this.#unansweredPings < 0) throw new FrameError("an answer to a ping that was none");
    this.#awaitedPongMs = null;
    if (!this.#signOfLife?.ping.equals(payload)) return;
    this.#signOfLife.resolve();
    this.#signOfLife = null;
  }

  #receiveOn(stream: number, type: number, payload: Buffer): void {
    const call = this.#calls.get(stream);
    if (!call) {
      if (stream > this.#lastStream || ++this.#strayFrames > MAX_STRAY_FRAMES) {
        throw new FrameError(`a frame for the call ${stream} that is none`);
      }
      return;
    }
    if (type === FRAME.data || type === FRAME.event) {
      const item = { type: type === FRAME.data ? "data" : "event", payload } as const;
      if (!call.receive(item)) throw new FrameError(`more than was granted to the call ${stream}`);
    } else if (type === FRAME.window) {
      const bytes = payload.readUInt32BE(0);
      if (!call.grant(bytes) || bytes < SMALL_WINDOW_BYTES) this.#toll.take();
    } else if (type === FRAME.result || type === FRAME.error) {
      // It is no answer to anything, and fails the call.
      const value = hasTooManyValues(payload) ? null : parseJson(payload);
      this.#calls.delete(stream);
      this.#strayFrames = 0;
      if (type === FRAME.result) call.succeed(value);
      else call.fail(errorFromWire(value));
    } else {
      throw new FrameError(`a frame of type ${type} from an agent`);
    }
  }

  /** As far as the stream takes it at once: nobody waits for a last word. */
  #sayGoodbye({ code }: SandboxError): void {
    if (!this.#outgoing.congested) {
      const reason = { code, message: "the client ends the connection" };
      this.#outgoing.send(FRAME.goodbye, 0, Buffer.from(JSON.stringify(reason)));
    }
    this.#outgoing.end();
  }

  #tick(): void {
    let stuckCalls = 0;
    for (const call of this.#calls.values()) {
      call.passTime(TICK_MS);
      if (call.overMs > STUCK_MS) stuckCalls++;
    }
    if (stuckCalls > MAX_STUCK_CALLS) {
      return this.close(brokenError("the agent does not end its calls"));
    }
    if (this.#awaitedPongMs !== null && (this.#awaitedPongMs += TICK_MS) > PONG_TIMEOUT_MS) {
      return this.close(brokenError(`there was no sign of life for ${PONG_TIMEOUT_MS} ms`));
    }
    const isBusy = this.#calls.size > 0;
    const silentMs = this.#awaitedPongMs ?? 0;
    if (isBusy && silentMs > 0 && silentMs % SILENCE_TOLD_MS === 0) this.onSilence();
    this.#sincePingMs += TICK_MS;
    const intervalMs = isBusy ? BUSY_PING_INTERVAL_MS : PING_INTERVAL_MS;
    if (this.#sincePingMs < intervalMs || this.#awaitedPongMs !== null) return;
    this.#sincePingMs = 0;
    this.#awaitedPongMs = 0;
    this.#ping(Buffer.alloc(8));
  }
}

function brokenError(why: string, cause?: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `The connection to the sandbox broke: ${why}. Look what became of the operation before you repeat it.`,
    cause,
  });
}

function busyError(why: string): SandboxError {
  return new SandboxError({
    code: "capacity",
    message: `The sandbox ${why}. Try again later.`,
    retryAfterMs: 1000,
  });
}
