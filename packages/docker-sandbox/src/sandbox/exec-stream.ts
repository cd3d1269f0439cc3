import { Duplex } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import { Demultiplexer } from "./demultiplex.ts";

/** What is kept of the error output, to tell why a program ended. */
const MAX_ERROR_BYTES = 4096;
/** How much may wait to be read before the engine has to wait. */
const HIGH_WATER_BYTES = 1024 * 1024;

export interface ExecStreamOptions {
  /** The connection that the engine handed over. */
  raw: Duplex;
  /**
   * Whether a program's first bytes can be those of the program that was wanted. Where they are not,
   * they are the engine's words about why it did not start.
   */
  isExpected: (first: Buffer) => boolean;
  /** Why the program ended before it said anything. @param said what came instead of its output */
  explainEnd: (said: string) => Promise<SandboxError>;
}

/** Standard input and output of a program that the engine runs in a container, as one stream. */
export class ExecStream extends Duplex {
  readonly #options: ExecStreamOptions;
  readonly #raw: Duplex;
  readonly #demultiplexer = new Demultiplexer();
  #state: "silent" | "speaking" | "not-started" = "silent";
  #said = Buffer.alloc(0);
  #ended = false;

  constructor(options: ExecStreamOptions) {
    super({ readableHighWaterMark: HIGH_WATER_BYTES, allowHalfOpen: true });
    this.#options = options;
    this.#raw = options.raw;
    this.#raw.on("data", (bytes: Buffer) => this.#receive(bytes));
    this.#raw.on("end", () => this.#end());
    this.#raw.on("error", (error) => this.destroy(error));
    this.#raw.on("close", () => this.#end());
  }

  override _read(): void {
    if (!this.isPaused()) this.#raw.resume();
  }

  /** Takes nothing more meanwhile: very many small pieces take far more memory than their bytes. */
  override pause(): this {
    this.#raw.pause();
    return super.pause();
  }

  override resume(): this {
    this.#raw.resume();
    return super.resume();
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#raw.write(bytes, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#raw.cork();
    for (const [index, { chunk }] of chunks.entries()) {
      if (index === chunks.length - 1) this.#raw.write(chunk, done);
      else this.#raw.write(chunk);
    }
    this.#raw.uncork();
  }

  override _final(done: () => void): void {
    this.#raw.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#raw.destroy();
    done(error);
  }

  #receive(bytes: Buffer): void {
    const output: Buffer[] = [];
    try {
      for (const { kind, data } of this.#demultiplexer.push(bytes)) {
        if (kind === "stdout") output.push(data);
        else this.#remember(data);
      }
      const [first] = output;
      if (first) this.#take(output.length === 1 ? first : Buffer.concat(output));
    } catch (error) {
      this.destroy(broken(error));
    }
  }

  #take(data: Buffer): void {
    if (this.#state === "silent") {
      this.#state = this.#options.isExpected(data) ? "speaking" : "not-started";
    }
    if (this.#state === "not-started") this.#remember(data);
    else if (!this.push(data)) this.#raw.pause();
  }

  #remember(data: Buffer): void {
    const room = MAX_ERROR_BYTES - this.#said.length;
    if (room > 0) this.#said = Buffer.concat([this.#said, data.subarray(0, room)]);
  }

  #end(): void {
    if (this.#ended || this.destroyed) return;
    this.#ended = true;
    if (this.#state !== "speaking") {
      void this.#options
        .explainEnd(this.#said.toString("utf8").trim())
        .then((error) => this.destroy(error));
    } else if (this.#demultiplexer.isWhole) {
      this.push(null);
    } else {
      this.destroy(broken());
    }
  }
}

function broken(cause?: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The engine's connection to the sandbox broke; look what became of the operation.",
    cause,
  });
}
