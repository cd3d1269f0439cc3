import type { OutputChunk } from "@carrel/backend-protocol";

/**
 * The output of a process as text. Each stream has its own decoder, so that a character that one
 * of them wrote in two chunks stays whole though the other wrote between them.
 */
export class OutputDecoder {
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #sequence = 0;
  #missed = false;

  /** Chunks came too fast and some were lost before they were read. */
  get missed(): boolean {
    return this.#missed;
  }

  decode({ sequence, stream, data }: OutputChunk): string {
    const gap = sequence > this.#sequence + 1;
    this.#sequence = sequence;
    this.#missed ||= gap;
    const text = withoutNul(this.#decoders[stream].decode(data, { stream: true }));
    return gap ? `\n[… output is missing here …]\n${text}` : text;
  }

  /** What is left of characters that were never finished. */
  end(): string {
    return this.#decoders.stdout.decode() + this.#decoders.stderr.decode();
  }
}

// It shows nothing, and databases that keep conversations refuse it.
function withoutNul(text: string): string {
  return text.replaceAll("\0", "");
}
