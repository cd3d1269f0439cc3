import type { WireMessage } from "@carrel/server";
import { ApiError, networkError } from "../../api/api-error.ts";
import type { ChatApi, EventPortions } from "../../api/chat-api.ts";
import type { ReceivedEvent } from "../../api/event-stream.ts";

interface ServerTurn {
  id: string;
  message: string;
  events: ReceivedEvent[];
  done: boolean;
}

/** A chat server in memory: what a test switches off fails the way a real one would. */
export class MemoryChatServer implements ChatApi {
  readonly turns: ServerTurn[] = [];
  readonly requests: string[] = [];
  /** How many events a connection carries before it breaks. */
  connectionLength = Number.POSITIVE_INFINITY;
  reachable = true;
  ended = false;
  nextSendError: { error: ApiError; taken: boolean } | null = null;
  #changed = Promise.withResolvers<void>();

  begin(message: string): ServerTurn {
    const id = `t${this.turns.length + 1}`;
    const turn: ServerTurn = { id, message, events: [], done: false };
    this.turns.push(turn);
    this.emit("turn-start", { turn_id: id, message });
    return turn;
  }

  emit(event: string, data: unknown): void {
    const turn = this.turns.at(-1);
    if (!turn) throw new Error("No turn has begun.");
    turn.events.push({ id: turn.events.length + 1, event, data });
    turn.done = event === "turn-end";
    this.#wake();
  }

  end(outcome = "completed"): void {
    this.emit("turn-end", { outcome, response: "", session_id: "s" });
  }

  /** Cut every open connection. */
  cut(): void {
    this.#generation += 1;
    this.#wake();
  }

  #generation = 0;

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  #check(request: string): void {
    this.requests.push(request);
    if (!this.reachable) throw networkError("The server cannot be reached.");
    if (this.ended) throw new ApiError({ code: "not-found", message: "No session.", status: 404 });
  }

  async messages(): Promise<{ messages: WireMessage[]; running: boolean }> {
    this.#check("messages");
    const messages = this.turns.filter((turn) => turn.done).flatMap(recordOf);
    return { messages, running: this.turns.at(-1)?.done === false };
  }

  async send(message: string): Promise<EventPortions> {
    this.#check(`send ${message}`);
    const failure = this.nextSendError;
    this.nextSendError = null;
    if (failure?.taken !== false) this.begin(message);
    if (failure) throw failure.error;
    return this.#stream(0);
  }

  async events(after: number): Promise<EventPortions | null> {
    this.#check(`events ${after}`);
    return this.turns.length === 0 ? null : this.#stream(after);
  }

  async cancel(): Promise<boolean> {
    this.#check("cancel");
    if (this.turns.at(-1)?.done !== false) return false;
    this.end("cancelled");
    return true;
  }

  async *#stream(after: number): EventPortions {
    const generation = this.#generation;
    const turn = this.turns.at(-1);
    let sent = 0;
    let position = after;
    for (;;) {
      const changed = this.#changed.promise;
      while (turn && position < turn.events.length && sent < this.connectionLength) {
        yield turn.events.slice(position, position + 1);
        position += 1;
        sent += 1;
      }
      if (!turn || (turn.done && position === turn.events.length)) return;
      if (sent >= this.connectionLength || generation !== this.#generation) return;
      await changed;
    }
  }
}

function recordOf(turn: ServerTurn): WireMessage[] {
  const end = turn.events.at(-1)?.data as { outcome: "completed" | "cancelled" };
  const text = turn.events.map(({ data }) => (data as { text?: string }).text ?? "").join("");
  return [
    { role: "user", turn_id: turn.id, text: turn.message },
    {
      role: "assistant",
      turn_id: turn.id,
      outcome: end.outcome,
      error: null,
      parts: text === "" ? [] : [{ type: "text", text }],
    },
  ];
}
