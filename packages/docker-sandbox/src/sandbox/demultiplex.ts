import { Duplex } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";

const HEADER_BYTES = 8;
const STDOUT = 1;
const STDERR = 2;
/** What is kept of the error output, to tell why a program ended. */
const MAX_ERROR_BYTES = 4096;

/**
 * The standard input and output of an exec as one stream. The engine sends output as frames: a byte
 * for the stream, three of zero, four for the length, then that many bytes. A length is believed
 * only as bytes come, so that a large one costs nothing.
 *
 * @see https://docs.docker.com/reference/api/engine (attach to a container, "Stream format")
 */
export class ExecStream extends Duplex {
  readonly #raw: Duplex;
  #header = Buffer.alloc(0);
  #kind = 0;
  #left = 0;
  #errors = Buffer.alloc(0);

  constructor(raw: Duplex) {
    super({ allowHalfOpen: true });
    this.#raw = raw;
    raw.on("data", (bytes: Buffer) => this.#receive(bytes));
    raw.on("end", () => this.#end());
    raw.on("error", (error) => this.destroy(error));
    raw.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#raw.resume();
  }

  override _write(
    bytes: Buffer,
    encoding: BufferEncoding,
    done: (error?: Error | null) => void,
  ): void {
    this.#raw.write(bytes, encoding, done);
  }

  override _final(done: () => void): void {
    this.#raw.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#raw.destroy();
    done(error);
  }

  #receive(bytes: Buffer): void {
    for (let rest = bytes; rest.length > 0;) {
      if (this.#left === 0) rest = this.#readHeader(rest);
      const part = rest.subarray(0, this.#left);
      rest = rest.subarray(part.length);
      this.#left -= part.length;
      if (part.length > 0) this.#take(part);
      if (this.destroyed) return;
    }
  }

  /** What follows the header, or nothing where it is not whole yet. */
  #readHeader(bytes: Buffer): Buffer {
    const missing = HEADER_BYTES - this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    if (this.#header.length < HEADER_BYTES) return bytes.subarray(bytes.length);
    this.#kind = this.#header.readUInt8(0);
    this.#left = this.#header.readUInt32BE(4);
    const isFrame = this.#header.readUIntBE(1, 3) === 0;
    if (!isFrame || (this.#kind !== STDOUT && this.#kind !== STDERR)) {
      this.destroy(failure("The engine sent output that is not in its own format."));
    }
    this.#header = Buffer.alloc(0);
    return bytes.subarray(missing);
  }

  #take(bytes: Buffer): void {
    if (this.#kind === STDERR) {
      this.#errors = Buffer.concat([this.#errors, bytes]).subarray(0, MAX_ERROR_BYTES);
    } else if (!this.push(bytes)) {
      this.#raw.pause();
    }
  }

  #end(): void {
    const said = this.#errors.toString("utf8").trim();
    if (this.#left > 0 || this.#header.length > 0) {
      this.destroy(failure("The engine's output ended in the middle."));
    } else if (said !== "") {
      this.destroy(failure(`The agent could not run in the sandbox: ${said}`));
    } else {
      this.push(null);
    }
  }
}

function failure(message: string): SandboxError {
  return new SandboxError({ code: "unavailable", message });
}
