import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { AgentConnection } from "../connection.ts";
import type { NewCall } from "../connection.ts";
import { Fifo } from "../fifo.ts";
import { CHUNK_HEAD_BYTES, FRAME, FrameDecoder, frameHeader } from "../frames.ts";
import type { Frame, FrameType } from "../frames.ts";

export const HELLO = { protocol: 1, agent: "0.1.0", instance: "0123456789abcdef", window: 1048576 };

/** What the client sends in between, whatever a test is about. */
const PASSED_OVER: readonly number[] = [FRAME.hello, FRAME.ping, FRAME.window];

export function encodeFrame(type: FrameType, stream: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(type, stream, payload.length), payload]);
}

export interface ScriptedAgentOptions {
  /** What it answers to a hello; `null`: nothing. */
  hello?: object | null;
}

export interface OpenedCall {
  stream: number;
  parameters: Record<string, unknown>;
}

/** The other end of a client: it says what a test tells it to say, be it true or not. */
export class ScriptedAgent {
  /** The end that the client gets. */
  readonly client: Duplex;
  readonly #stream: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #frames = new Fifo<Frame>();
  #wake: (() => void) | null = null;

  constructor({ hello = HELLO }: ScriptedAgentOptions = {}) {
    [this.client, this.#stream] = duplexPair({ highWaterMark: 64 * 1024 });
    this.#stream.on("data", (bytes: Buffer) => {
      for (const frame of this.#decoder.push(bytes)) {
        if (frame.type === FRAME.hello && hello) this.send(FRAME.hello, 0, hello);
        this.#frames.push(frame);
      }
      this.#wake?.();
    });
    // A client that is gone is no fault of the one who plays the agent.
    this.#stream.on("error", () => undefined);
  }

  send(type: FrameType, stream: number, content: Uint8Array | object = new Uint8Array()): void {
    const payload =
      content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content), "utf8");
    this.sendBytes(encodeFrame(type, stream, payload));
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.#stream.destroyed) this.#stream.write(bytes);
  }

  /** A chunk of the output of a process. */
  output(stream: number, sequence: number, text: string): void {
    const head = Buffer.alloc(CHUNK_HEAD_BYTES);
    head.writeUInt8(1, 0);
    head.writeUInt32BE(sequence, 1);
    this.send(FRAME.data, stream, Buffer.concat([head, Buffer.from(text, "utf8")]));
  }

  grant(stream: number, bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes, 0);
    this.send(FRAME.window, stream, payload);
  }

  /** The client's next frame, which must be of this type; hello, pings and windows are passed over. */
  async next(type: FrameType): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (!frame) await new Promise<void>((resolve) => (this.#wake = resolve));
      else if (frame.type === type) return frame;
      else if (!PASSED_OVER.includes(frame.type)) {
        throw new Error(`A frame of type ${frame.type} came where ${type} was awaited.`);
      }
    }
  }

  /** The client's next call, which must be of this method. */
  async nextCall(method: string): Promise<OpenedCall> {
    const { stream, payload } = await this.next(FRAME.open);
    const { method: asked, ...parameters } = JSON.parse(payload.toString("utf8"));
    if (asked !== method) throw new Error(`${asked} was called where ${method} was awaited.`);
    return { stream, parameters };
  }

  /** The frames that have come and were not taken by {@link next}. */
  taken(): Frame[] {
    const frames: Frame[] = [];
    for (let frame = this.#frames.shift(); frame; frame = this.#frames.shift()) frames.push(frame);
    return frames;
  }

  stopReading(): void {
    this.#stream.pause();
  }

  readOn(): void {
    this.#stream.resume();
  }

  /** The stream breaks, as where the engine restarts. */
  breakOff(): void {
    this.client.destroy();
  }

  /** The agent's program ended. */
  end(): void {
    this.#stream.end();
  }
}

/** A client that was greeted. */
export async function connect(
  options?: ScriptedAgentOptions,
): Promise<{ agent: ScriptedAgent; connection: AgentConnection }> {
  const agent = new ScriptedAgent(options);
  return { agent, connection: await AgentConnection.open(agent.client) };
}

export const CALL: NewCall = {
  method: "test",
  parameters: {},
  limits: { startMs: null, silenceMs: null },
};

/** A sandbox whose agents are scripted: each connection leads to another one. */
export class ScriptedSandbox {
  readonly #agents = new Fifo<ScriptedAgent>();
  readonly #options: ScriptedAgentOptions;
  opened = 0;
  #wake: (() => void) | null = null;

  constructor(options: ScriptedAgentOptions = {}) {
    this.#options = options;
  }

  open = (): Promise<Duplex> => {
    const agent = new ScriptedAgent(this.#options);
    this.opened++;
    this.#agents.push(agent);
    this.#wake?.();
    return Promise.resolve(agent.client);
  };

  /** The agent at the other end of the next connection. */
  async nextAgent(): Promise<ScriptedAgent> {
    for (;;) {
      const agent = this.#agents.shift();
      if (agent) return agent;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The agents of the connections to come are of another instance. */
  restart(): void {
    this.#options.hello = { ...HELLO, instance: "fedcba9876543210" };
  }
}
