import type { SandboxError } from "@carrel/backend-protocol";
import type { Admission } from "./admission-queue.ts";
import { capacityError } from "./capacity-error.ts";
import type { Deadline } from "./deadline.ts";
import type { Evictor } from "./evictor.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { pause } from "./pause.ts";
import { withinStoreTime } from "./residency.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import { ROOM_REQUEST_TTL_MS, shareOf } from "./session-store.ts";
import type { ResidentCeilings, RoomRequest } from "./session-store.ts";
import { Tally } from "./tally.ts";

type Ceiling = keyof ResidentCeilings;

/** Other managers are asked so many times, for as long as a request stands, before the caller is refused. */
const MAX_REQUESTS = 2;
/** Callers who wait for other managers at a time: each asks the store again and again. One more is refused. */
const MAX_ASKING = 32;
/** Callers of one user who look for room at a time: more of them would be in the way of others. */
const MAX_SEEKING_OF_USER = 8;
// Who asked looks for room after 50, 100, … 500 ms.
const FIRST_LOOK_MS = 50;
const MAX_LOOK_MS = 500;

/** Finds room in memory for sandboxes, where needed in the place of idle ones. */
export class RoomFinder {
  readonly #context: LifecycleContext;
  readonly #evictor: Evictor;
  /** How many callers of each user look for room, by share. */
  readonly #seeking = new Tally();
  /** Shares for which other managers are asked for room of that user. */
  readonly #askedOf = new Set<string>();
  #asking = 0;

  constructor(context: LifecycleContext, evictor: Evictor) {
    this.#context = context;
    this.#evictor = evictor;
  }

  /**
   * Under the key's lock: the right to have the sandbox in memory.
   * @param place among those who start; who needs the room of another does not keep those waiting
   * meanwhile who only have to be woken
   * @throws `capacity` where no sandbox is idle, neither here nor where another manager answers in time
   */
  async acquire(slot: SandboxSlot, deadline: Deadline, place: Admission | null): Promise<void> {
    const { residencies, settings } = this.#context;
    const { key, userId } = slot;
    if (residencies.holds(key)) return;
    const full = await residencies.acquire(key, userId, deadline);
    if (!full) return;
    place?.stepAside();
    const share = shareOf(userId);
    if (this.#seeking.of(share) >= MAX_SEEKING_OF_USER) {
      throw capacityError(full, settings, userId);
    }
    const leave = this.#seeking.add(share);
    try {
      await this.#seek(slot, full, deadline);
    } finally {
      leave();
    }
    await place?.comeBack();
  }

  async #seek(slot: SandboxSlot, reached: Ceiling, deadline: Deadline): Promise<void> {
    const { residencies, settings } = this.#context;
    const { key, userId } = slot;
    const { signal } = deadline;
    let full: Ceiling | null = reached;
    let requests = 0;
    try {
      while (full) {
        const ofUser = full === "maxResidentSandboxesPerUser" ? shareOf(userId) : null;
        const isMade = await deadline.run(() => this.#evictor.makeRoom(key, ofUser, signal));
        // Also where none was: meanwhile somebody may have gone to sleep.
        full = await residencies.acquire(key, userId, deadline);
        if (isMade || !full) continue;
        if (++requests > MAX_REQUESTS) throw capacityError(full, settings, userId);
        full = await this.#ask(slot, { key, ofUser }, full, deadline);
      }
    } finally {
      if (requests > 0) void this.#withdraw(key);
    }
  }

  /** Ask the other managers, as long as a request stands. @returns the ceiling that is still reached */
  async #ask(
    slot: SandboxSlot,
    request: RoomRequest,
    full: Ceiling,
    deadline: Deadline,
  ): Promise<Ceiling | null> {
    const { ofUser } = request;
    const refused = (): SandboxError => capacityError(full, this.#context.settings, slot.userId);
    const isAsked = ofUser !== null && this.#askedOf.has(ofUser);
    if (isAsked || this.#asking === MAX_ASKING) throw refused();
    this.#asking += 1;
    if (ofUser !== null) this.#askedOf.add(ofUser);
    try {
      if (await this.#isHeard(request, deadline)) return await this.#lookForRoom(slot, deadline);
      throw refused();
    } finally {
      this.#asking -= 1;
      if (ofUser !== null) this.#askedOf.delete(ofUser);
    }
  }

  async #isHeard(request: RoomRequest, deadline: Deadline): Promise<boolean> {
    try {
      return await this.#context.residencies.requestRoom(request, deadline);
    } catch (error) {
      if (deadline.signal.aborted) throw error;
      // Perhaps only the answer was lost. Where the store is down, the next question to it tells.
      return true;
    }
  }

  async #lookForRoom({ key, userId }: SandboxSlot, deadline: Deadline): Promise<Ceiling | null> {
    const { residencies } = this.#context;
    const lookUntil = performance.now() + ROOM_REQUEST_TTL_MS;
    for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(2 * delayMs, MAX_LOOK_MS)) {
      await pause(deadline, delayMs);
      const full = await residencies.acquire(key, userId, deadline);
      if (!full || performance.now() >= lookUntil) return full;
    }
  }

  /** Nobody is to go to sleep for one who does not need that any more. */
  async #withdraw(key: string): Promise<void> {
    const { store, events } = this.#context;
    try {
      await withinStoreTime(() => store.endRoomRequest(key));
    } catch (error) {
      // It expires by itself.
      events.emit({ type: "store-failed", error });
    }
  }
}
