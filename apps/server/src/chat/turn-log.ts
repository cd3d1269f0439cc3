import { SandboxError } from "@carrel/backend-protocol";
import type { MemoryMeter } from "@carrel/backend-protocol";
import type { WireChatEvent } from "../wire/chat.ts";

/** Most that one turn may write into its log, in bytes, what its commands write not counted. */
export const MAX_TURN_BYTES: number = 16 * 1024 * 1024;

/** How much of what its commands write a log keeps, in bytes: the latest. */
export const MAX_OUTPUT_BYTES: number = 4 * 1024 * 1024;

/** Most events of a turn. Texts are joined, so that streaming for the longest time stays below it. */
const MAX_TURN_EVENTS = 100_000;

/** What an event costs beside its text. Without it, events of one character would cost nothing. */
const EVENT_OVERHEAD_BYTES = 256;

/**
 * After how many joins texts are copied into one piece. A text that grows is kept as a chain of its
 * parts, and each link takes more memory than a short part.
 */
const JOINS_PER_COPY = 64;

// Texts are joined up to this size while nobody has read them.
const MAX_JOINED_CHARACTERS = 16 * 1024;
// Readers wake this long after a piece of text, so that a fast model or command makes few events.
const TEXT_DELAY_MS = 40;

export interface LoggedEvent {
  /** 1 for the first event of the turn, then one more for each. */
  id: number;
  event: WireChatEvent;
}

/**
 * The events of one turn, from its start, for any number of readers at any pace: each asks for what
 * comes after the id that it knows. Nothing is kept for a reader, so a slow one costs nothing.
 */
export class TurnLog {
  // By id - 1; `null` for output that was dropped.
  readonly #events: (WireChatEvent | null)[] = [];
  // What each event takes, by id - 1, if it is no text: texts grow, and are measured when needed.
  readonly #sizes: number[] = [];
  #readUpTo = 0;
  #joins = 0;
  #bytes = 0;
  #outputBytes = 0;
  #oldestOutput = 0;
  // The calls of which output was dropped.
  readonly #cutOutputs = new Set<string>();
  #ended = false;
  #overflowed = false;
  #change = Promise.withResolvers<void>();
  #wakeTimer: NodeJS.Timeout | undefined;
  readonly #memory: MemoryMeter | null;

  /** @param memory counts what the log takes. @default nothing does */
  constructor(memory: MemoryMeter | null = null) {
    this.#memory = memory;
  }

  /** The last event is there: nothing is ever added. */
  get ended(): boolean {
    return this.#ended;
  }

  get lastId(): number {
    return this.#events.length;
  }

  get sizeBytes(): number {
    return this.#bytes + this.#outputBytes;
  }

  /** @throws `too-large` once, where the turn has written too much: what follows is its end */
  append(event: WireChatEvent): void {
    if (this.#ended) return;
    const isFull = this.#bytes > MAX_TURN_BYTES || this.#events.length >= MAX_TURN_EVENTS;
    if (isFull && !this.#overflowed) {
      this.#overflowed = true;
      throw tooMuch();
    }
    this.#ended = event.event === "turn-end";
    const size = isText(event) ? event.data.text.length : JSON.stringify(event.data).length;
    this.#count(event, size);
    if (!this.#joinUnread(event)) this.#push(event, size);
    this.#memory?.set(this.sizeBytes);
  }

  #push(event: WireChatEvent, size: number): void {
    this.#events.push(event);
    this.#sizes.push(isText(event) ? 0 : size);
    this.#count(event, EVENT_OVERHEAD_BYTES);
    if (isText(event)) this.#wakeSoon();
    else this.#wake();
  }

  /** Events after this id: at least one where there is any, and about `maxBytes` at most. */
  read(after: number, maxBytes: number): LoggedEvent[] {
    const found: LoggedEvent[] = [];
    let size = 0;
    for (let id = after + 1; id <= this.#events.length && size < maxBytes; id++) {
      const event = this.#events[id - 1];
      if (event) {
        found.push({ id, event });
        size += isText(event) ? event.data.text.length : (this.#sizes[id - 1] ?? 0);
      }
    }
    this.#readUpTo = Math.max(this.#readUpTo, found.at(-1)?.id ?? 0);
    return found;
  }

  /** What a command wrote: of more than `maxCharacters`, and of what was dropped, the latest. */
  outputOf(callId: string, maxCharacters: number): { text: string; cut: boolean } {
    let text = "";
    for (const event of this.#events) {
      if (event?.event === "tool-output" && event.data.id === callId) text += event.data.text;
    }
    const cut = this.#cutOutputs.has(callId) || text.length > maxCharacters;
    return { text: text.slice(-maxCharacters), cut };
  }

  /** Resolves when there is something that was not there at the time of the call. */
  changed(): Promise<void> {
    return this.#change.promise;
  }

  #count(event: WireChatEvent, bytes: number): void {
    if (event.event !== "tool-output") {
      this.#bytes += bytes;
      return;
    }
    this.#outputBytes += bytes;
    while (this.#outputBytes > MAX_OUTPUT_BYTES && this.#oldestOutput < this.#events.length) {
      const oldest = this.#events[this.#oldestOutput];
      if (oldest?.event === "tool-output") {
        this.#outputBytes -= oldest.data.text.length + EVENT_OVERHEAD_BYTES;
        this.#events[this.#oldestOutput] = null;
        this.#cutOutputs.add(oldest.data.id);
      }
      this.#oldestOutput += 1;
    }
  }

  // Only what nobody has read may still grow. Commands that run side by side write in turns, so
  // the event to join may stand before others of its kind.
  #joinUnread(event: WireChatEvent): boolean {
    if (!isText(event)) return false;
    for (let id = this.#events.length; id > this.#readUpTo; id--) {
      const earlier = this.#events[id - 1];
      if (!earlier || !isText(earlier)) return false;
      if (!isSameStream(earlier, event)) continue;
      if (earlier.data.text.length + event.data.text.length > MAX_JOINED_CHARACTERS) return false;
      this.#joins += 1;
      if (this.#joins % JOINS_PER_COPY !== 0) earlier.data.text += event.data.text;
      else earlier.data.text = [earlier.data.text, event.data.text].join("");
      return true;
    }
    return false;
  }

  #wakeSoon(): void {
    this.#wakeTimer ??= setTimeout(() => this.#wake(), TEXT_DELAY_MS).unref();
  }

  #wake(): void {
    clearTimeout(this.#wakeTimer);
    this.#wakeTimer = undefined;
    const change = this.#change;
    this.#change = Promise.withResolvers<void>();
    change.resolve();
  }
}

type TextEvent = Extract<WireChatEvent, { event: "text-delta" | "tool-output" }>;

function isSameStream(one: TextEvent, other: TextEvent): boolean {
  if (one.event === "text-delta") return other.event === "text-delta";
  return other.event === "tool-output" && one.data.id === other.data.id;
}

function isText(event: WireChatEvent): event is TextEvent {
  return event.event === "text-delta" || event.event === "tool-output";
}

function tooMuch(): SandboxError {
  return new SandboxError({
    code: "too-large",
    message:
      "The agent wrote more in this turn than the server keeps, so the turn was stopped. Ask for less at once.",
  });
}
