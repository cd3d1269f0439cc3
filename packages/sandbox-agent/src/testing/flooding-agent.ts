import { CHUNK_HEAD_BYTES, FRAME, frameHeader } from "../frames.ts";
import type { FrameType } from "../frames.ts";
import { settled } from "./fake-time.ts";
import { HELLO } from "./scripted-agent.ts";
import type { ScriptedAgent } from "./scripted-agent.ts";

/** So many bytes of frames leave in one write. */
const BATCH_BYTES = 64 * 1024;
const FIRST_WINDOW = HELLO.window;

/** Sends a call very many frames, as far as the client grants room for them. */
export class Flood {
  readonly #agent: ScriptedAgent;
  readonly #stream: number;
  /** The client's calls that came meanwhile. A flood ends with the first one. */
  readonly calls: object[] = [];
  #window = FIRST_WINDOW;
  #batch: Buffer[] = [];
  #batchBytes = 0;

  constructor(agent: ScriptedAgent, stream: number) {
    this.#agent = agent;
    this.#stream = stream;
  }

  /** @returns `false` if the client does something about it: it cancels, calls, or grants nothing */
  async send(type: FrameType, payload: Uint8Array): Promise<boolean> {
    while (this.#window < payload.length) if (!(await this.flush())) return false;
    this.#window -= payload.length;
    this.#batch.push(frameHeader(type, this.#stream, payload.length), Buffer.from(payload));
    this.#batchBytes += payload.length;
    return this.#batchBytes < BATCH_BYTES || this.flush();
  }

  /** One chunk of the output of a process. */
  chunk(sequence: number, text: string, stream: "stdout" | "stderr" = "stdout"): Promise<boolean> {
    const payload = Buffer.alloc(CHUNK_HEAD_BYTES + text.length);
    payload.writeUInt8(stream === "stdout" ? 1 : 2, 0);
    payload.writeUInt32BE(sequence, 1);
    payload.write(text, CHUNK_HEAD_BYTES, "latin1");
    return this.send(FRAME.data, payload);
  }

  /** As {@link send}, with what was not sent yet. */
  async flush(): Promise<boolean> {
    this.#agent.sendBytes(Buffer.concat(this.#batch));
    this.#batch = [];
    this.#batchBytes = 0;
    for (let turns = 0; turns < 500; turns++) {
      await settled();
      for (const frame of this.#agent.taken()) {
        if (frame.type === FRAME.open) this.calls.push(JSON.parse(frame.payload.toString()));
        if (frame.stream !== this.#stream) continue;
        if (frame.type === FRAME.cancel) return false;
        if (frame.type === FRAME.window) this.#window += frame.payload.readUInt32BE(0);
      }
      if (this.calls.length > 0) return false;
      if (this.#window > BATCH_BYTES) return true;
    }
    return false;
  }
}
