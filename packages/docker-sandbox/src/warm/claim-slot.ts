import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type { Containers } from "../container/containers.ts";
import type { WarmPool } from "./warm-pool.ts";
import { answers } from "./warm-slot.ts";
import type { WarmSlot } from "./warm-slot.ts";

/** How many slots that turn out dead a user waits for. */
const MAX_DEAD_SLOTS = 3;

export interface ClaimRequest {
  keyHash: string;
  sealedKey: string;
  signal: AbortSignal | undefined;
}

/**
 * Make one of the pool's sandboxes that of a key, with the files that the key has. Whoever finds the
 * container of a claim that was cut off finishes it; see `SlotDirectories`.
 * @returns `null` where there is none that could become it
 * @throws `conflict` where the key has a container, `aborted`
 */
export async function claimSlot(
  pool: WarmPool,
  containers: Containers,
  request: ClaimRequest,
): Promise<WarmSlot | null> {
  for (let attempt = 0; attempt < MAX_DEAD_SLOTS; attempt++) {
    throwIfAborted(request.signal);
    const slot = pool.take();
    if (!slot) return null;
    const outcome = await become(pool, containers, slot, request);
    if (outcome === "claimed") return slot;
    if (outcome === "unfit") return null;
  }
  return null;
}

/** `dead`: the slot was of no use, and is done away with. `unfit`: this key's files cannot move. */
type Outcome = "claimed" | "dead" | "unfit";

async function become(
  pool: WarmPool,
  containers: Containers,
  slot: WarmSlot,
  { keyHash, sealedKey, signal }: ClaimRequest,
): Promise<Outcome> {
  const { directories } = pool;
  const claim = { slotId: slot.id, keyHash };
  try {
    const [isAlive, isTaken, isFit] = await Promise.all([
      answers(slot),
      directories.take(claim, sealedKey),
      directories.canMove(keyHash),
    ]);
    if (!isAlive || !isTaken) {
      pool.undoInBackground(slot, claim);
      return "dead";
    }
    if (!isFit) {
      await directories.giveBack(claim);
      pool.giveBack(slot);
      return "unfit";
    }
    await containers.claim(slot.containerId, keyHash, signal);
    await directories.finish(claim);
    return "claimed";
  } catch (error) {
    if (hasCode(error, "conflict")) {
      await directories.giveBack(claim);
      pool.giveBack(slot);
      throw error;
    }
    if (signal?.aborted) {
      pool.undoInBackground(slot, claim);
      throw error;
    }
    // The container may have the key's name, and some of its files: another one waits for both. Where
    // this fails the engine does not work, as the other one's maker will tell.
    await pool.undo(slot, claim).catch(() => undefined);
    return "dead";
  }
}

function hasCode(error: unknown, code: string): boolean {
  return SandboxError.isInstance(error) && error.code === code;
}
