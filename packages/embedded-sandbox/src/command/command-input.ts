import { SandboxError } from "@carrel/backend-protocol";

/** Most input that is gathered before a command starts. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024;

/**
 * The standard input of a command. The interpreter takes it whole, so one that is left open is
 * gathered, and the command starts when it is complete.
 */
export class CommandInput {
  readonly whole: Promise<Uint8Array>;
  readonly #complete: (input: Uint8Array) => void;
  readonly #isOpen: boolean;
  /** The input so far, with room for more: written byte by byte it takes no more memory. */
  #input: Buffer = Buffer.alloc(0);
  #byteLength = 0;
  #closed = false;

  constructor(input: Uint8Array | "open") {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    this.whole = promise;
    this.#complete = resolve;
    this.#isOpen = input === "open";
    if (input !== "open") resolve(input);
  }

  async write(data: string | Uint8Array): Promise<void> {
    if (!this.#isOpen) {
      throw new SandboxError({
        code: "invalid-argument",
        message: 'The standard input of this process is closed; start it with stdin: "open".',
      });
    }
    if (this.#closed) return;
    const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
    if (this.#byteLength + bytes.length > MAX_INPUT_BYTES) {
      throw new SandboxError({
        code: "too-large",
        message: `A command takes at most ${MAX_INPUT_BYTES} bytes of input here; put it in a file.`,
      });
    }
    this.#append(bytes);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#complete(this.#input.subarray(0, this.#byteLength));
    this.#input = Buffer.alloc(0);
  }

  #append(bytes: Uint8Array): void {
    const total = this.#byteLength + bytes.length;
    if (total > this.#input.length) {
      const larger = Buffer.allocUnsafeSlow(2 * total);
      this.#input.copy(larger, 0, 0, this.#byteLength);
      this.#input = larger;
    }
    this.#input.set(bytes, this.#byteLength);
    this.#byteLength = total;
  }
}
