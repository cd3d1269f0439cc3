import type { Admission } from "./admission-queue.ts";
import { capacityError } from "./capacity-error.ts";
import type { Deadline } from "./deadline.ts";
import type { Evictor } from "./evictor.ts";
import type { LifecycleContext } from "./lifecycle-context.ts";
import { pause } from "./pause.ts";
import type { RoomRequests } from "./room-requests.ts";
import type { SandboxSlot } from "./sandbox-slot.ts";
import { ROOM_REQUEST_TTL_MS } from "./session-store.ts";
import type { ResidentCeilings } from "./session-store.ts";

/** Other managers are asked so many times, for as long as a request stands, before the caller is refused. */
const MAX_REQUESTS = 2;
/** Callers who wait for others at a time: each asks the store again and again. One more is refused. */
const MAX_ASKING = 32;
// Meanwhile one looks for room after 50, 100, … 500 ms.
const FIRST_LOOK_MS = 50;
const MAX_LOOK_MS = 500;

export interface RoomFinderOptions {
  evictor: Evictor;
  requests: RoomRequests;
}

/** Finds room in memory for sandboxes, where needed in the place of idle ones. */
export class RoomFinder {
  readonly #context: LifecycleContext;
  readonly #evictor: Evictor;
  readonly #requests: RoomRequests;
  #asking = 0;

  constructor(context: LifecycleContext, { evictor, requests }: RoomFinderOptions) {
    this.#context = context;
    this.#evictor = evictor;
    this.#requests = requests;
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
    let full = await residencies.acquire(key, userId, deadline);
    if (!full) return;
    place?.stepAside();
    for (let requests = 0; full;) {
      const ofUser = full === "maxResidentSandboxesPerUser" ? userId : null;
      const { signal } = deadline;
      if (await deadline.run(() => this.#evictor.makeRoom(key, ofUser, signal))) {
        full = await residencies.acquire(key, userId, deadline);
        continue;
      }
      if (++requests > MAX_REQUESTS || this.#asking === MAX_ASKING) {
        throw capacityError(full, settings);
      }
      this.#asking += 1;
      try {
        if (!(await this.#requests.ask({ key, ofUser }, deadline))) {
          throw capacityError(full, settings);
        }
        full = await this.#lookForRoom(slot, deadline);
      } finally {
        this.#asking -= 1;
      }
    }
    await place?.comeBack();
  }

  /** For as long as a request stands. @returns the ceiling that is still reached */
  async #lookForRoom(
    { key, userId }: SandboxSlot,
    deadline: Deadline,
  ): Promise<keyof ResidentCeilings | null> {
    const { residencies } = this.#context;
    const lookUntil = performance.now() + ROOM_REQUEST_TTL_MS;
    for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(2 * delayMs, MAX_LOOK_MS)) {
      await pause(deadline, delayMs);
      const full = await residencies.acquire(key, userId, deadline);
      if (!full || performance.now() >= lookUntil) return full;
    }
  }
}
