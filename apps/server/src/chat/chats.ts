import { SandboxError } from "@carrel/backend-protocol";
import type { MemoryBudget } from "@carrel/backend-protocol";
import type { SessionManager } from "@carrel/session-manager";
import type { Logger } from "pino";
import { ServerError } from "../errors/server-error.ts";
import type { WireMessageList } from "../wire/messages.ts";
import type { ChatAgent } from "./agent.ts";
import { ChatTurn, MAX_TURN_MS } from "./chat-turn.ts";
import type { Conversations } from "./conversations.ts";
import { wireMessages } from "./wire-messages.ts";

/** How long the events of a turn can be had after it ended. */
const KEPT_TURN_MS = 10 * 60 * 1000;

/** How much the events of turns that ended may take in all, in bytes; the oldest go first. */
const MAX_KEPT_TURN_BYTES = 64 * 1024 * 1024;

/** The same, of one user; sessions without a user together are those of one. */
const MAX_KEPT_TURN_BYTES_PER_USER = MAX_KEPT_TURN_BYTES / 4;

/**
 * How many turns run at once; each user's share of them is counted by the route that begins them.
 * A turn holds its log, which counts as its user's memory, a few states of its conversation and what
 * the model streams, some tens of megabytes at the very most.
 */
export const MAX_RUNNING_TURNS: number = 256;

export interface ChatsOptions {
  agent: ChatAgent;
  conversations: Conversations;
  manager: SessionManager;
  logger: Logger;
  /** @default {@link MAX_TURN_MS} */
  maxTurnMs?: number;
}

interface EndedTurn {
  turn: ChatTurn;
  userId: string | null;
  forgetTimer: NodeJS.Timeout;
}

/** The chats of all sessions: at most one turn of each at a time. */
export class Chats {
  readonly #options: Required<ChatsOptions>;
  readonly #running = new Map<string, ChatTurn>();
  // By session, the one that ended first at the beginning.
  readonly #ended = new Map<string, EndedTurn>();
  #closing = false;

  constructor(options: ChatsOptions) {
    this.#options = { maxTurnMs: MAX_TURN_MS, ...options };
    options.manager.subscribe((event) =>
      event.type === "session-ended" ? this.forget(event.sessionId) : undefined,
    );
  }

  /**
   * Begin a turn; it goes on by itself.
   * @param memory of its user: what the turn logs counts there while it runs. @default nowhere
   * @throws `busy`, `capacity` (too many turns run), `unavailable` (the server is stopping), and what
   * a lease of the session throws
   */
  start(sessionId: string, message: string, memory: MemoryBudget | null = null): ChatTurn {
    if (this.#closing) throw serverIsStopping();
    if (this.#running.has(sessionId)) {
      throw new ServerError({
        code: "busy",
        message: "A turn of this session is running. Wait for its end, or cancel it.",
      });
    }
    const { manager, agent, conversations, logger, maxTurnMs } = this.#options;
    if (this.#running.size >= MAX_RUNNING_TURNS) throw tooManyTurns();
    const lease = manager.lease(sessionId);
    const turn = new ChatTurn({
      agent,
      conversations,
      sessionId,
      message,
      logger,
      maxTurnMs,
      memory,
    });
    this.#dropEnded(sessionId);
    this.#running.set(sessionId, turn);
    void this.#settle(sessionId, turn, lease);
    return turn;
  }

  /** The turn that runs or ran last, as long as its events are kept. */
  latest(sessionId: string): ChatTurn | null {
    return this.#running.get(sessionId) ?? this.#ended.get(sessionId)?.turn ?? null;
  }

  /** Resolves when the turn ended. `false` where none was running. */
  async cancel(sessionId: string, reason?: SandboxError): Promise<boolean> {
    const turn = this.#running.get(sessionId);
    if (turn === undefined) return false;
    turn.cancel(reason);
    await turn.ended;
    return true;
  }

  /** The finished turns, and whether there is another. */
  async messages(sessionId: string): Promise<WireMessageList> {
    const running = this.#running.get(sessionId);
    if (running === undefined) await this.#options.conversations.mend(sessionId);
    const turns = await this.#options.conversations.turns(sessionId);
    const finished = turns.filter(({ id }) => id !== running?.id);
    // A client that reads many conversations must not fill the memory with them.
    await this.#options.conversations.unloadOutgrown((id) => this.#running.has(id));
    return { messages: wireMessages(finished), running: running !== undefined };
  }

  /** Cancel all turns, and begin no more. */
  async shutdown(): Promise<void> {
    this.#closing = true;
    const reason = serverIsStopping();
    await Promise.all([...this.#running.keys()].map((session) => this.cancel(session, reason)));
    for (const sessionId of this.#ended.keys()) this.#dropEnded(sessionId);
  }

  async #settle(sessionId: string, turn: ChatTurn, lease: Disposable): Promise<void> {
    const { outcome, error } = await turn.ended;
    lease[Symbol.dispose]();
    this.#running.delete(sessionId);
    this.#keepEnded(sessionId, turn);
    const durationMs = Math.round(performance.now() - turn.startedAt);
    this.#options.logger.info(
      { turnId: turn.id, outcome, errorCode: error?.code, events: turn.log.lastId, durationMs },
      "turn",
    );
    await this.#options.conversations.unloadOutgrown((id) => this.#running.has(id));
  }

  #keepEnded(sessionId: string, turn: ChatTurn): void {
    if (this.#closing) return;
    const forgetTimer = setTimeout(() => this.#dropEnded(sessionId), KEPT_TURN_MS).unref();
    const userId = this.#options.manager.describe(sessionId)?.userId ?? null;
    this.#ended.set(sessionId, { turn, userId, forgetTimer });
    const ofUser = [...this.#ended].filter(([, kept]) => kept.userId === userId);
    this.#dropOldest(ofUser, MAX_KEPT_TURN_BYTES_PER_USER);
    this.#dropOldest([...this.#ended], MAX_KEPT_TURN_BYTES);
  }

  /** Drops turns from the beginning until the others take no more; the last one stays. */
  #dropOldest(kept: readonly (readonly [string, EndedTurn])[], maxBytes: number): void {
    let bytes = kept.reduce((sum, [, { turn }]) => sum + turn.log.sizeBytes, 0);
    for (const [sessionId, { turn }] of kept.slice(0, -1)) {
      if (bytes <= maxBytes) return;
      bytes -= turn.log.sizeBytes;
      this.#dropEnded(sessionId);
    }
  }

  #dropEnded(sessionId: string): void {
    clearTimeout(this.#ended.get(sessionId)?.forgetTimer);
    this.#ended.delete(sessionId);
  }

  /** Stop the session's turn and forget its conversation; done by itself for every session that ends. */
  async forget(sessionId: string): Promise<void> {
    await this.cancel(sessionId);
    this.#dropEnded(sessionId);
    await this.#options.conversations.forget(sessionId);
  }
}

function tooManyTurns(): SandboxError {
  return new SandboxError({
    code: "capacity",
    message: `The server runs ${MAX_RUNNING_TURNS} turns, the most at a time. Try again when some have ended.`,
  });
}

function serverIsStopping(): SandboxError {
  return new SandboxError({ code: "unavailable", message: "The server is stopping." });
}
