import { LoopShare } from "./loop-share.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { MemoryMeter } from "./memory-meter.ts";
import type { ExecuteResult, OutputChunk, ProcessHandle } from "./process.ts";
import { Utf8Text } from "./utf8-text.ts";

export interface CollectOptions {
  /** The budget in which the collected output counts. @default none */
  memory?: MemoryBudget;
}

/**
 * Waits for a process and gathers what it wrote: how `execute` stands on `spawn`. It takes as much
 * memory as the texts that it returns, in however small chunks the output comes. The bound is the
 * process's own `maxOutputBytes`.
 * @throws `capacity` if the budget ended it: the process is killed. What reading the output throws
 */
export async function collectProcess(
  process: ProcessHandle,
  { memory }: CollectOptions = {},
): Promise<ExecuteResult> {
  let collected = new CollectedOutput();
  using meter = new MemoryMeter(memory ?? null, () => {
    collected = new CollectedOutput();
    kill(process);
  });
  const share = new LoopShare();
  try {
    for await (const chunk of process.output) {
      if (meter.failure) break;
      collected.add(chunk);
      meter.set(collected.costBytes);
      share.chargePiece(chunk.data.length);
      const turn = share.turn();
      if (turn) await turn;
    }
  } catch (error) {
    // Nobody learns what it does from here on.
    kill(process);
    throw error;
  }
  if (meter.failure) throw meter.failure;
  const result = await process.result;
  if (meter.failure) throw meter.failure;
  return { ...result, ...(await collected.end(share)) };
}

function kill(process: ProcessHandle): void {
  // If that fails the process is out of reach; it ends with its time.
  process.kill().catch(() => undefined);
}

/** Both streams, and both together in the order of their chunks. */
class CollectedOutput {
  readonly #texts = { stdout: new Utf8Text(), stderr: new Utf8Text() };
  /** The beginning of a character that the next chunk of the stream may complete. */
  readonly #begun: Record<Stream, Uint8Array> = { stdout: NOTHING, stderr: NOTHING };
  /** The stream that wrote first. */
  #first: Stream | null = null;
  /** The streams together; `null` as long as only one has written, whose text it then is. */
  #both: Utf8Text | null = null;

  get costBytes(): number {
    const { stdout, stderr } = this.#texts;
    return stdout.costBytes + stderr.costBytes + (this.#both?.costBytes ?? 0);
  }

  add({ stream, data }: OutputChunk): void {
    this.#first ??= stream;
    if (stream !== this.#first && this.#both === null) {
      this.#both = new Utf8Text(this.#texts[this.#first]);
      this.#begun[this.#first] = this.#both.takeCut();
    }
    this.#texts[stream].append(data);
    if (this.#both) this.#addWhole(this.#both, stream, data);
  }

  /** The texts, each in a turn of its own: a large one takes tens of milliseconds. */
  async end(share: LoopShare): Promise<Pick<ExecuteResult, "stdout" | "stderr" | "output">> {
    const textOf = async (text: Utf8Text): Promise<string> => {
      share.chargePiece(text.costBytes);
      await share.turn();
      return text.end();
    };
    const stdout = await textOf(this.#texts.stdout);
    const stderr = await textOf(this.#texts.stderr);
    if (!this.#both) return { stdout, stderr, output: this.#first === "stderr" ? stderr : stdout };
    this.#both.append(this.#begun.stdout);
    this.#both.append(this.#begun.stderr);
    return { stdout, stderr, output: await textOf(this.#both) };
  }

  /** Characters stay whole that one stream wrote in two chunks, if the other wrote between them. */
  #addWhole(both: Utf8Text, stream: Stream, data: Uint8Array): void {
    both.append(this.#begun[stream]);
    both.append(data);
    this.#begun[stream] = both.takeCut();
  }
}

type Stream = OutputChunk["stream"];

const NOTHING = new Uint8Array();
