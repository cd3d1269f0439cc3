import { ApiError, networkError, toApiError } from "../api/api-error.ts";
import type { ChatApi, EventPortions } from "../api/chat-api.ts";
import type { ReceivedEvent } from "../api/event-stream.ts";
import { backoffDelay } from "./backoff.ts";
import { INITIAL_SNAPSHOT } from "./chat-snapshot.ts";
import type { ChatSnapshot } from "./chat-snapshot.ts";
import { applyEvents, isActive, sendingTurn, turnsOfRecord } from "./conversation.ts";
import type { Turn } from "./conversation.ts";

/** What the session takes from its surroundings, so that tests can pass their own. */
export interface ChatSurroundings {
  /** Resolves after the time, or as soon as the signal fires. */
  wait(delayMs: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1. */
  random(): number;
  /** Calls back when the page is about to be drawn. */
  onNextFrame(callback: () => void): void;
}

type Step = (signal: AbortSignal) => Promise<void>;

/**
 * The conversation of one session, kept equal to the server's: it sends messages, follows the
 * events of the running turn, and after a lost connection goes on where it was.
 */
export class ChatSession {
  readonly #api: ChatApi;
  readonly #surroundings: ChatSurroundings;
  readonly #listeners = new Set<() => void>();
  #snapshot = INITIAL_SNAPSHOT;
  #queue: ReceivedEvent[] = [];
  /** What is going on now: loading, sending, following. At most one at a time. */
  #work: AbortController | null = null;
  #pause = new AbortController();
  #attempt = 0;
  readonly #loaded = Promise.withResolvers<void>();

  constructor(api: ChatApi, surroundings: ChatSurroundings) {
    this.#api = api;
    this.#surroundings = surroundings;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): ChatSnapshot => this.#snapshot;

  /** Resolves once the record has arrived for the first time. */
  get loaded(): Promise<void> {
    return this.#loaded.promise;
  }

  /** Load the record and attach to a running turn. Returns what ends it; it can be started again. */
  start(): () => void {
    void this.#drive((signal) => this.#resume(signal));
    return () => {
      this.#work?.abort();
      this.#work = null;
    };
  }

  /** `false` where the message cannot be sent now: nothing has changed. */
  send(message: string): boolean {
    const { loaded, turns, link } = this.#snapshot;
    if (!loaded || link.state !== "up" || this.#activeTurn() !== null) return false;
    this.#update({ turns: [...turns, sendingTurn(message)], refusal: null, stopError: null });
    void this.#drive((signal) => this.#send(message, signal));
    return true;
  }

  async stop(): Promise<void> {
    this.#update({ stopping: true, stopError: null });
    try {
      const cancelled = await this.#api.cancel(AbortSignal.timeout(30_000));
      // Where nothing ran any more, the record knows how it ended.
      if (!cancelled) void this.#drive((signal) => this.#resume(signal));
    } catch (error) {
      this.#update({ stopping: false, stopError: toApiError(error) });
    }
  }

  /** Look at once whether the server is there again, or whether another page has gone on. */
  refresh(): void {
    const { link } = this.#snapshot;
    if (link.state === "waiting") this.#pause.abort();
    else if (link.state === "up" && this.#activeTurn() === null) {
      void this.#drive((signal) => this.#resume(signal));
    }
  }

  /**
   * Look for what another page of this session has done. Does nothing while a turn is followed, or
   * while the server is away: that has a rhythm of its own.
   */
  async poll(): Promise<void> {
    const { loaded, link } = this.#snapshot;
    if (!loaded || link.state !== "up" || this.#activeTurn() !== null) return;
    await this.#drive((signal) => this.#resume(signal));
  }

  dismissRefusal(): void {
    this.#update({ refusal: null });
  }

  /** Do a step; as long as the server is not reached, wait and then take up what is there. */
  async #drive(firstStep: Step): Promise<void> {
    this.#work?.abort();
    const work = new AbortController();
    this.#work = work;
    this.#attempt = 0;
    this.#queue = [];
    for (let step = firstStep; ; step = (signal) => this.#resume(signal)) {
      try {
        await step(work.signal);
        return;
      } catch (caught) {
        if (work.signal.aborted) return;
        const error = toApiError(caught);
        if (error.isMissing) {
          this.#endSession(error);
          return;
        }
        await this.#waitForServer(error, work.signal);
        if (work.signal.aborted) return;
      }
    }
  }

  async #waitForServer(error: ApiError, signal: AbortSignal): Promise<void> {
    const delayMs = backoffDelay(this.#attempt, this.#surroundings.random());
    this.#attempt += 1;
    this.#pause = new AbortController();
    const attempt = this.#attempt;
    this.#update({ link: { state: "waiting", error, attempt } });
    await this.#surroundings.wait(delayMs, AbortSignal.any([signal, this.#pause.signal]));
    if (!signal.aborted) this.#update({ link: { state: "connecting", error, attempt } });
  }

  async #send(message: string, signal: AbortSignal): Promise<void> {
    let events: EventPortions;
    try {
      events = await this.#api.send(message, signal);
    } catch (caught) {
      const error = toApiError(caught);
      // After a network error nobody knows whether the message arrived: the record will tell.
      if (signal.aborted || error.isNetwork || error.isMissing) throw error;
      this.#refuse(error);
      if (error.code === "busy") await this.#resume(signal);
      return;
    }
    await this.#follow(events, signal);
  }

  /** Take the server's record, and follow the turn that runs from where this page has it. */
  async #resume(signal: AbortSignal): Promise<void> {
    const record = await this.#api.messages(signal);
    signal.throwIfAborted();
    const finished = turnsOfRecord(record.messages);
    this.#adopt(finished, record.running);
    if (!record.running) return;
    const events = await this.#api.events(this.#activeTurn()?.lastEventId ?? 0, signal);
    if (events === null) throw networkError("The running answer could not be found.");
    await this.#follow(events, signal);
  }

  #adopt(finished: readonly Turn[], running: boolean): void {
    const { turns: before, loaded, link, workspaceChanges, stopping } = this.#snapshot;
    const known = new Map(before.map((turn) => [turn.id, turn]));
    const active = this.#activeTurn();
    const goesOn = active !== null && running && !finished.some(({ id }) => id === active.id);
    const turns = finished.map((turn) => {
      const mine = known.get(turn.id);
      return mine && !mine.incomplete && !isActive(mine) ? mine : turn;
    });
    // While the server was away, anything may have changed.
    const changed = link.state !== "up" || turns.some((turn) => known.get(turn.id) !== turn);
    const newest = turns.at(-1);
    const arrived =
      newest !== undefined && !known.has(newest.id) && newest.message === active?.message;
    this.#attempt = 0;
    this.#update({
      turns: goesOn ? [...turns, active] : turns,
      loaded: true,
      link: { state: "up" },
      stopping: stopping && goesOn,
      workspaceChanges: loaded && changed ? workspaceChanges + 1 : workspaceChanges,
      refusal: this.#refusalWhile(running),
    });
    this.#loaded.resolve();
    if (active?.state === "sending" && !goesOn && !arrived) {
      const error = networkError("The connection was lost before the server took the message.");
      this.#update({ refusal: { message: active.message, error } });
    }
  }

  async #follow(portions: EventPortions, signal: AbortSignal): Promise<void> {
    for await (const events of portions) {
      signal.throwIfAborted();
      this.#attempt = 0;
      if (this.#queue.length === 0) {
        this.#surroundings.onNextFrame(() => {
          if (!signal.aborted) this.#flush();
        });
      }
      this.#queue.push(...events);
    }
    signal.throwIfAborted();
    this.#flush();
    if (this.#activeTurn() !== null) throw networkError("The connection was lost.");
    if (this.#snapshot.turns.at(-1)?.incomplete === true) await this.#resume(signal);
  }

  #flush(): void {
    const events = this.#queue;
    this.#queue = [];
    if (events.length === 0) return;
    const { turns, workspaceChanges, stopping } = this.#snapshot;
    const active = this.#activeTurn();
    const turn = applyEvents(active ?? sendingTurn(""), events);
    const changes = events.filter(({ event }) => event === "tool-result" || event === "turn-end");
    this.#update({
      turns: [...(active ? turns.slice(0, -1) : turns), turn],
      link: { state: "up" },
      stopping: stopping && isActive(turn),
      workspaceChanges: workspaceChanges + changes.length,
      refusal: this.#refusalWhile(isActive(turn)),
    });
    if (active?.state === "sending" && turn.message !== active.message) {
      const message = "Another page of this session was faster.";
      const error = new ApiError({ code: "busy", message, status: 409 });
      this.#update({ refusal: { message: active.message, error } });
    }
  }

  #activeTurn(): Turn | null {
    const last = this.#snapshot.turns.at(-1);
    return last && isActive(last) ? last : null;
  }

  /** Take the message that is being sent back out of the conversation. */
  #refuse(error: ApiError): void {
    const active = this.#activeTurn();
    if (active?.state !== "sending") return;
    const turns = this.#snapshot.turns.slice(0, -1);
    this.#update({ turns, refusal: { message: active.message, error } });
  }

  /** A refusal because of a running turn is over with that turn: the message is back in the box. */
  #refusalWhile(running: boolean): ChatSnapshot["refusal"] {
    const { refusal } = this.#snapshot;
    return !running && refusal?.error.code === "busy" ? null : refusal;
  }

  #endSession(error: ApiError): void {
    this.#refuse(error);
    this.#update({ link: { state: "ended" }, stopping: false });
  }

  #update(change: Partial<ChatSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }
}
