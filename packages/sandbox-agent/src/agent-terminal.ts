import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";
import type { TerminalHandle, TerminalOptions } from "@carrel/backend-protocol";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { ask, parseAnswer, withAbort, wrongAnswer } from "./ask.ts";
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
    const request = { method: "openTerminal", parameters, kind: "long", silenceMs: null } as const;
    const begun = await channel.begin({ ...request, signal });
    try {
      const item = await withAbort(begun.call, signal, () => begun.call.next());
      if (item?.type !== "event") throw wrongAnswer(new Error("a terminal that did not open"));
      const { id } = parseAnswer(terminalSchema, JSON.parse(item.payload.toString("utf8")));
      return new AgentTerminal(channel, begun, id);
    } catch (error) {
      begun.call.cancel();
      begun.leave();
      throw SandboxError.isInstance(error) ? error : wrongAnswer(error);
    }
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.#begun.call.write(typeof data === "string" ? Buffer.from(data, "utf8") : data);
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
    for (let item = await call.next(); item !== null; item = await call.next()) yield item.payload;
  } catch (error) {
    // `closed` tells that it is over; how, is nothing that a terminal's reader could act upon.
    if (!SandboxError.isInstance(error)) throw error;
  }
}

function requireSize(columns: number, rows: number): void {
  requireWholeNumber("columns", columns, SIZE_BOUNDS);
  requireWholeNumber("rows", rows, SIZE_BOUNDS);
}
