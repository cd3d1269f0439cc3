import { randomBytes } from "node:crypto";
import { BackgroundLoop } from "./background-loop.ts";
import { Deadline } from "./deadline.ts";
import type { MonotonicClock } from "./monotonic-clock.ts";
import type { SessionStore } from "./session-store.ts";

export interface HolderOptions {
  store: SessionStore;
  clock: MonotonicClock;
  /** How long the store believes that a holder lives after its last beat. */
  holderTtlMs: number;
  /** Called after each beat in the background. Must not throw. */
  onBeat: () => void;
  /** Told of a beat that failed; the next one comes all the same. */
  onFailure: (error: unknown) => void;
}

/** Beats in one time to live: two may be lost. */
const BEATS_PER_TTL = 3;

/**
 * This manager as the store knows it: somebody who beats while it lives. Once its beats have failed
 * for longer than its time to live, others may do what they like with what it held, so that it must
 * not believe in that itself: it is not alive until a beat came through, and where the store had
 * given it up meanwhile then in a new epoch.
 */
export class Holder {
  readonly id: string = `mgr_${randomBytes(12).toString("base64url")}`;
  readonly #options: HolderOptions;
  readonly #loop: BackgroundLoop;
  #aliveUntil = Number.NEGATIVE_INFINITY;
  #epoch = 0;
  #beating: Promise<void> | null = null;
  /** A beat failed, and what the store would have said of it is not known. */
  #unanswered = false;
  #retired = false;

  constructor(options: HolderOptions) {
    this.#options = options;
    this.#loop = new BackgroundLoop({ pass: () => this.#beatOn(), onFailure: options.onFailure });
  }

  get alive(): boolean {
    return this.#options.clock.now() < this.#aliveUntil;
  }

  /** Another number whenever the store had given it up in between. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Beat where that is needed, and from then on. @throws what the store throws */
  async ensureAlive(deadline: Deadline): Promise<void> {
    // One that is under way may be about to tell that the store had given it up; who began it hears its error.
    const beating = this.#beating?.catch(() => undefined);
    if (beating) await deadline.run(() => beating);
    if (this.alive) return;
    await deadline.run(() => this.#beat());
    if (!this.#retired) this.#loop.start(Math.ceil(this.#options.holderTtlMs / BEATS_PER_TTL));
  }

  /** Beat now, whether or not that is needed: the store said that this holder does not live. */
  async revive(deadline: Deadline): Promise<void> {
    await deadline.run(() => this.#beat());
  }

  /** End all others: they are dead, though the store may not know it yet. */
  async succeed(deadline: Deadline): Promise<void> {
    await deadline.run(() => this.#options.store.retireOthers(this.id));
  }

  /** Beat no more, and give up all that it holds. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#loop.stop();
    if (this.#epoch === 0) return;
    this.#aliveUntil = Number.NEGATIVE_INFINITY;
    const { store, holderTtlMs: timeoutMs } = this.#options;
    using deadline = new Deadline({ timeoutMs, failure: "The store did not let the manager go" });
    await deadline.run(() => store.retire(this.id));
  }

  async #beatOn(): Promise<void> {
    await this.#beat();
    this.#options.onBeat();
  }

  #beat(): Promise<void> {
    this.#beating ??= this.#beatOnce().finally(() => {
      this.#beating = null;
    });
    return this.#beating;
  }

  async #beatOnce(): Promise<void> {
    const { store, clock, holderTtlMs: ttlMs } = this.#options;
    // From before it was sent: the store counts from when it came, which is later.
    const sentAt = clock.now();
    using deadline = new Deadline({
      timeoutMs: ttlMs,
      failure: "The store did not note that the manager lives",
    });
    const mayHaveDied = this.#unanswered && !this.alive;
    this.#unanswered = true;
    const lived = await deadline.run(() => store.beat(this.id, ttlMs));
    this.#unanswered = false;
    if (!lived || mayHaveDied || this.#epoch === 0) this.#epoch += 1;
    this.#aliveUntil = sentAt + ttlMs;
  }
}
