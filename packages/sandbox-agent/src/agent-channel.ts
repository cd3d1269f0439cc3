import type { Duplex } from "node:stream";
import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type { Call } from "./call.ts";
import { AgentConnection } from "./connection.ts";
import { Lane } from "./lane.ts";

export interface AgentChannelOptions {
  /** Opens a byte stream to the sandbox's agent. @throws SandboxError */
  open: (signal: AbortSignal) => Promise<Duplex>;
  /** Called before each call: throws where the sandbox takes none now. */
  admit?: () => void | Promise<void>;
}

/**
 * `short`: ends by itself, soon. `long`: lasts as long as something in the sandbox does. An agent
 * has 256 calls open at most, so that each kind has its own part and neither starves the other.
 */
export type CallKind = "short" | "long";

const SHORT_CALLS = 56;
const LONG_CALLS = 200;
const MAX_WAITING = 10_000;

export interface BegunCall {
  call: Call;
  connection: AgentConnection;
  /** To be called when the call is over. */
  leave: () => void;
}

export interface CallRequest {
  method: string;
  parameters: object;
  kind: CallKind;
  silenceMs: number | null;
  signal?: AbortSignal | undefined;
}

/** The connection to one sandbox's agent: made with the first call, and again after it broke. */
export class AgentChannel implements AsyncDisposable {
  readonly #open: (signal: AbortSignal) => Promise<Duplex>;
  readonly #admit: () => void | Promise<void>;
  readonly #lanes = {
    short: new Lane({ width: SHORT_CALLS, maxWaiting: MAX_WAITING }),
    long: new Lane({ width: LONG_CALLS, maxWaiting: MAX_WAITING }),
  };
  #connection: AgentConnection | null = null;
  #connecting: Promise<AgentConnection> | null = null;
  #giveUp = new AbortController();
  #suspended = false;
  #endings = 0;

  constructor({ open, admit = () => undefined }: AgentChannelOptions) {
    this.#open = open;
    this.#admit = admit;
  }

  /** Begin a call as soon as there is a place for it. @throws SandboxError */
  async begin({ method, parameters, kind, silenceMs, signal }: CallRequest): Promise<BegunCall> {
    const leave = await this.#lanes[kind].enter(signal);
    try {
      const connection = await this.connect(signal);
      throwIfAborted(signal);
      return { call: connection.call(method, parameters, silenceMs), connection, leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** A connection that lives, as far as can be known. */
  async connect(signal?: AbortSignal): Promise<AgentConnection> {
    await this.#admit();
    if (this.#connection && !this.#connection.failure) return this.#connection;
    this.#connecting ??= this.#reconnect();
    return abortable(this.#connecting, signal);
  }

  /** How often the sandbox ended: what was begun before the last time is lost. */
  get endings(): number {
    return this.#endings;
  }

  suspend(): void {
    this.#suspended = true;
    this.#connection?.suspend();
  }

  wake(): void {
    this.#suspended = false;
    this.#connection?.wake();
  }

  /** End the connection, and the attempt to make one. The next call makes a new one. */
  end(error: SandboxError): void {
    this.#endings++;
    this.#giveUp.abort(error);
    this.#giveUp = new AbortController();
    this.#connection?.close(error);
    this.#connection = null;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.end(
      new SandboxError({
        code: "unavailable",
        message: "The connection to the sandbox was closed.",
      }),
    );
    return Promise.resolve();
  }

  async #reconnect(): Promise<AgentConnection> {
    const { signal } = this.#giveUp;
    try {
      const stream = await this.#open(signal);
      const connection = await AgentConnection.open(stream, signal);
      if (this.#suspended) connection.suspend();
      this.#connection = connection;
      return connection;
    } catch (error) {
      if (SandboxError.isInstance(signal.reason)) throw signal.reason;
      throw error;
    } finally {
      this.#connecting = null;
    }
  }
}

/** Stop waiting, but not the work, which others wait for too. */
async function abortable<Value>(work: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (!signal) return work;
  throwIfAborted(signal);
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    try {
      throwIfAborted(signal);
    } catch (error) {
      aborted.reject(error);
    }
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
