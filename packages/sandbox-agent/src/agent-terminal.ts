import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";
import type { TerminalHandle, TerminalOptions } from "@carrel/backend-protocol";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { LASTS, ask, beginning } from "./ask.ts";
import { nextBytes } from "./next-bytes.ts";
import { emptySchema, terminalSchema } from "./wire.ts";

/** As many as the kernel's struct winsize holds. */
const SIZE_BOUNDS = { minimum: 1, maximum: 65_535 };

/** A terminal in the sandbox. It ends with its connection. */
export class AgentTerminal implements TerminalHandle {
  readonly id: string;
  readonly closed: Promise<void>;
  readonly output: AsyncIterable<Uint8Array>;
  readonly #channel: AgentChannel;
  readonly #begun: BegunCall;

  private constructor(channel: AgentChannel, begun: BegunCall, id: string) {
    this.id = id;
    this.#channel = channel;
    this.#begun = begun;
    this.output = outputOf(begun);
    this.closed = begun.call.result.then(begun.leave, begun.leave);
  }

  /** @throws `invalid-argument` (the size), and what starting a process throws */
  static async open(
    channel: AgentChannel,
    { columns, rows, cwd, signal }: TerminalOptions & { cwd: string },
  ): Promise<AgentTerminal> {
    requireSize(columns, rows);
    const parameters = { columns, rows, cwd, env: {} };
    const request = { method: "openTerminal", parameters, limits: LASTS, signal };
    const begun = await channel.begin({ ...request, kind: "long" });
    const { id } = await beginning(begun, terminalSchema, signal);
    return new AgentTerminal(channel, begun, id);
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.#begun.call.writeCopy(data);
  }

  async resize(columns: number, rows: number): Promise<void> {
    requireSize(columns, rows);
    if (this.#begun.call.over) return;
    const parameters = { id: this.id, columns, rows };
    await ask(this.#channel, { method: "resizeTerminal", parameters, answer: emptySchema });
  }

  async close(): Promise<void> {
    this.#begun.call.cancel();
    await this.closed;
  }
}

async function* outputOf({ call }: BegunCall): AsyncGenerator<Uint8Array, void> {
  try {
    for (let bytes = await nextBytes(call); bytes !== null; bytes = await nextBytes(call)) {
      yield bytes;
    }
  } catch (error) {
    // `closed` tells that it is over; how, is nothing that a terminal's reader could act upon.
    if (!SandboxError.isInstance(error)) throw error;
  }
}

function requireSize(columns: number, rows: number): void {
  requireWholeNumber("columns", columns, SIZE_BOUNDS);
  requireWholeNumber("rows", rows, SIZE_BOUNDS);
}
