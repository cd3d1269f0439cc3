import { BackgroundLoop } from "./background-loop.ts";
import type { Evictor } from "./evictor.ts";
import type { Holder } from "./holder.ts";
import { withinStoreTime } from "./residency.ts";
import { ROOM_REQUEST_TTL_MS } from "./session-store.ts";
import type { RoomRequest, SessionStore } from "./session-store.ts";

/** How often requests of others are looked for: a waking user waits for that at most. */
const LOOK_EVERY_MS = 1000;
/** Requests that are answered at a time: one that waits for the engine keeps no others waiting. */
const ANSWERS_AT_ONCE = 8;
/** Who found nothing idle among all leaves what comes next to others, for as long as a request stands. */
const LOOK_AWAY_MS = ROOM_REQUEST_TTL_MS;

export interface RoomRequestsOptions {
  store: SessionStore;
  holder: Holder;
  evictor: Evictor;
  /** Fires when the manager shuts down. */
  closing: AbortSignal;
  /** Told of what the store did not do; it is tried again, or expires. */
  onFailure: (error: unknown) => void;
}

/**
 * Answers the requests of other managers. Ceilings are shared, but each manager puts only its own
 * sandboxes to sleep: so who finds none idle asks the others through the store ({@link RoomFinder}), and
 * each looks there now and then whether it is asked.
 */
export class RoomRequests {
  readonly #options: RoomRequestsOptions;
  readonly #loop: BackgroundLoop;
  readonly #answers = new Set<Promise<void>>();
  #failing = false;
  #lookAgainAt = 0;

  constructor(options: RoomRequestsOptions) {
    this.#options = options;
    this.#loop = new BackgroundLoop({
      pass: (signal) => this.#takeAll(signal),
      onFailure: (error) => this.#tell(error),
    });
  }

  /** Its timer does not keep the process alive. Does nothing where it runs. */
  start(): void {
    this.#loop.start(LOOK_EVERY_MS);
  }

  /** Resolves when nothing is answered any more. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all(this.#answers);
  }

  async #takeAll(signal: AbortSignal): Promise<void> {
    while (this.#mayTake() && !signal.aborted) {
      const request = await this.#take();
      this.#failing = false;
      if (!request) return;
      const answer = this.#answer(request)
        .catch((error: unknown) => this.#tell(error))
        .finally(() => this.#answers.delete(answer));
      this.#answers.add(answer);
    }
  }

  #mayTake(): boolean {
    return this.#answers.size < ANSWERS_AT_ONCE && performance.now() >= this.#lookAgainAt;
  }

  #take(): Promise<RoomRequest | null> {
    const { store, holder } = this.#options;
    return withinStoreTime(() => store.takeRoomRequest(holder.id));
  }

  async #answer({ key, ofUser }: RoomRequest): Promise<void> {
    const { store, evictor, closing } = this.#options;
    const isMade = await evictor.makeRoom(key, ofUser, closing);
    // That one user's sandboxes all work says nothing about those of others.
    const giveBack = !isMade && ofUser === null;
    if (giveBack) this.#lookAgainAt = performance.now() + LOOK_AWAY_MS;
    await withinStoreTime(() => store.endRoomRequest(key, { giveBack }));
  }

  /** Once, until it works again. */
  #tell(error: unknown): void {
    if (!this.#failing) this.#options.onFailure(error);
    this.#failing = true;
  }
}
