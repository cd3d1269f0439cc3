import type { Duplex } from "node:stream";
import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type { MemoryBudget } from "@carrel/backend-protocol";
import { abortable } from "./abortable.ts";
import { AwakeClock } from "./awake-clock.ts";
import type { Call } from "./call.ts";
import { AgentConnection } from "./connection.ts";
import type { NewCall } from "./connection.ts";
import { Lane } from "./lane.ts";
import { budgetIn } from "./sandbox-memory.ts";

export interface AgentChannelOptions {
  /** Opens a byte stream to the sandbox's agent. @throws SandboxError */
  open: (signal: AbortSignal) => Promise<Duplex>;
  /** One that is there already, and belongs to the channel from then on. @default made with the first call */
  connection?: AgentConnection;
  /** Called before each call: throws where the sandbox takes none now. */
  admit?: () => void | Promise<void>;
  /** Called while a call is open and the agent has not answered for two seconds; never twice at a time. */
  onSilence?: () => Promise<void>;
  /** What the sandbox holds, 128 MiB at most, counts in this budget too. @default in none */
  memory?: MemoryBudget | undefined;
}

/**
 * `short`: ends by itself, soon. `long`: lasts as long as something outside of the agent does, be it
 * a process or whoever sends or reads a stream. Each kind has its own places, so that neither
 * starves the other. An agent has 256; the rest is for calls that it is still stopping.
 */
export type CallKind = "short" | "long";

const SHORT_CALLS = 50;
const LONG_CALLS = 150;
const MAX_WAITING = 10_000;
const MAX_WAIT_MS = 60_000;
/**
 * How many answers of more than a window are put together in memory at a time: while the last one
 * is joined, it is there twice.
 */
const LARGE_ANSWERS = 1;
/** An engine under load takes seconds to reach into a sandbox. */
const OPEN_TIMEOUT_MS = 60_000;

export interface BegunCall {
  call: Call;
  connection: AgentConnection;
  /** To be called when the call is over. */
  leave: () => void;
}

export interface CallRequest extends Omit<NewCall, "memory"> {
  kind: CallKind;
  signal?: AbortSignal | undefined;
}

/** The connection to one sandbox's agent: made with the first call, and again after it broke. */
export class AgentChannel implements AsyncDisposable {
  readonly largeAnswers: Lane = lane(LARGE_ANSWERS);
  /** Stands still while the sandbox is suspended. */
  readonly clock: AwakeClock = new AwakeClock();
  /** The budget in which what its calls hold counts from now on. */
  #memory: MemoryBudget;
  #isPartOfAnother: boolean;
  readonly #open: (signal: AbortSignal) => Promise<Duplex>;
  readonly #admit: () => void | Promise<void>;
  readonly #onSilence: () => Promise<void>;
  readonly #lanes = { short: lane(SHORT_CALLS), long: lane(LONG_CALLS) };
  #connection: AgentConnection | null = null;
  #connecting: Promise<AgentConnection> | null = null;
  #giveUp = new AbortController();
  #tellingSilence = false;
  #endings = 0;

  constructor(options: AgentChannelOptions) {
    const { open, admit = () => undefined, onSilence = () => Promise.resolve() } = options;
    this.#memory = budgetIn(options.memory);
    this.#isPartOfAnother = options.memory !== undefined;
    this.#open = open;
    this.#admit = admit;
    this.#onSilence = onSilence;
    if (options.connection) this.#use(options.connection);
  }

  /** Begin a call as soon as there is a place for it. @throws SandboxError */
  async begin({ kind, signal, ...call }: CallRequest): Promise<BegunCall> {
    const leave = await this.#lanes[kind].enter(signal);
    try {
      const connection = await this.#connect(signal);
      throwIfAborted(signal);
      return { call: connection.call({ ...call, memory: this.#memory }), connection, leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The sandbox's own budget. */
  get memory(): MemoryBudget {
    return this.#memory;
  }

  /** Counts from now on in that budget too, unless it does so in another one. What was begun stays. */
  countIn(memory: MemoryBudget | undefined): void {
    if (!memory || this.#isPartOfAnother) return;
    this.#isPartOfAnother = true;
    this.#memory = budgetIn(memory);
    this.#connection?.countIn(this.#memory);
  }

  /** How often the sandbox ended: what was begun before the last time is lost. */
  get endings(): number {
    return this.#endings;
  }

  suspend(): void {
    this.clock.suspend();
    this.#connection?.suspend();
  }

  wake(): void {
    this.clock.wake();
    this.#connection?.wake();
  }

  /** As {@link AgentConnection.signOfLife}; where there is no connection, never. */
  signOfLife(): Promise<void> {
    const connection = this.#connection;
    if (!connection || connection.failure) return new Promise(() => {});
    return connection.signOfLife();
  }

  /** End the connection, and the attempt to make one. The next call makes a new one. */
  end(error: SandboxError): void {
    this.#endings++;
    this.#giveUp.abort(error);
    this.#giveUp = new AbortController();
    this.#connecting = null;
    this.#connection?.close(error);
    this.#connection = null;
    this.wake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end(closedError());
    return Promise.resolve();
  }

  /** A connection that lives, as far as can be known. */
  async #connect(signal: AbortSignal | undefined): Promise<AgentConnection> {
    await this.#admit();
    if (this.#connection && !this.#connection.failure) return this.#connection;
    return abortable(this.#connecting ?? this.#reconnect(), signal);
  }

  #reconnect(): Promise<AgentConnection> {
    const attempt = this.#newConnection(this.#giveUp.signal).finally(() => {
      if (this.#connecting === attempt) this.#connecting = null;
    });
    this.#connecting = attempt;
    return attempt;
  }

  async #newConnection(signal: AbortSignal): Promise<AgentConnection> {
    try {
      const connection = await AgentConnection.open(await this.#openStream(signal), signal);
      if (signal.aborted) {
        connection.close(closedError());
        signal.throwIfAborted();
      }
      if (this.clock.isSuspended) connection.suspend();
      this.#use(connection);
      return connection;
    } catch (error) {
      const reason: unknown = signal.aborted ? signal.reason : error;
      throw SandboxError.isInstance(reason) ? reason : unreachable(reason);
    }
  }

  #use(connection: AgentConnection): void {
    this.#connection = connection;
    connection.countIn(this.#memory);
    connection.onSilence = () => void this.#tellSilence();
  }

  async #tellSilence(): Promise<void> {
    if (this.#tellingSilence) return;
    this.#tellingSilence = true;
    try {
      await this.#onSilence();
    } catch {
      // Whoever listens could not find out; where the silence goes on it is told again.
    } finally {
      this.#tellingSilence = false;
    }
  }

  async #openStream(signal: AbortSignal): Promise<Duplex> {
    const deadline = AbortSignal.timeout(OPEN_TIMEOUT_MS);
    const stop = AbortSignal.any([signal, deadline]);
    const opening = this.#open(stop);
    try {
      return await abortable(opening, stop);
    } catch (error) {
      // One that comes too late is nobody's; that it does not come was told already.
      opening.then(
        (stream) => stream.destroy(),
        () => undefined,
      );
      throw deadline.aborted ? unreachable(error) : error;
    }
  }
}

function lane(width: number): Lane {
  return new Lane({ width, maxWaiting: MAX_WAITING, maxWaitMs: MAX_WAIT_MS });
}

function closedError(): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The connection to the sandbox was closed.",
  });
}

function unreachable(cause: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The agent in the sandbox could not be reached. Try again later.",
    cause,
  });
}
