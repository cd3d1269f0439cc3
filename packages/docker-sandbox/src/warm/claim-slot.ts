import { throwIfAborted } from "@carrel/backend-protocol";
import type { Containers } from "../container/containers.ts";
import { allDone } from "./in-parallel.ts";
import type { WarmPool } from "./warm-pool.ts";
import type { WarmSlot } from "./warm-slot.ts";
import { hasCode } from "../has-code.ts";

/** How many slots that turn out dead a user waits for. */
const MAX_DEAD_SLOTS = 3;

export interface ClaimRequest {
  keyHash: string;
  sealKey: () => string;
  /** Rejects where the key's files may be in use by a container that has not the key's name. */
  unused: Promise<void>;
  /** Nobody waits for it but whoever asks for the key next. */
  inBackground: (work: Promise<void>) => void;
  signal: AbortSignal | undefined;
}

export interface ClaimedSlot {
  slot: WarmSlot;
  /** The files are its sandbox's; otherwise that is to be seen to. See `SlotDirectories.finish`. */
  hasFiles: boolean;
}

/**
 * Make one of the pool's sandboxes that of a key, with the files that the key has. Whoever finds the
 * container of a claim that was cut off finishes it; see `SlotDirectories`.
 * @returns `null` where there is none that could become it
 * @throws `conflict` where the key has a container, `aborted`, and as `unused` does
 */
export async function claimSlot(
  pool: WarmPool,
  containers: Containers,
  request: ClaimRequest,
): Promise<ClaimedSlot | null> {
  for (let attempt = 0; attempt < MAX_DEAD_SLOTS; attempt++) {
    throwIfAborted(request.signal);
    const slot = pool.take();
    if (!slot) return null;
    const outcome = await become(pool, containers, slot, request);
    if (outcome === "unfit") return null;
    if (outcome !== "dead") return { slot, hasFiles: outcome === "claimed" };
  }
  return null;
}

/**
 * `contested`: claimed, while somebody else changed the key's files. `dead`: the slot was of no use, and
 * is done away with. `unfit`: this key's files cannot move.
 */
type Outcome = "claimed" | "contested" | "dead" | "unfit";

async function become(
  pool: WarmPool,
  containers: Containers,
  slot: WarmSlot,
  { keyHash, sealKey, unused, inBackground, signal }: ClaimRequest,
): Promise<Outcome> {
  const { directories } = pool;
  const claim = { slotId: slot.id, keyHash };
  try {
    const [isTaken, survey] = await Promise.all([
      directories.take(claim, sealKey),
      directories.survey(keyHash),
    ]);
    if (!isTaken) {
      inBackground(pool.undo(slot, claim));
      return "dead";
    }
    if (!survey) {
      await directories.giveBack(claim);
      pool.giveBack(slot);
      return "unfit";
    }
    await allDone([giveName(containers, slot, { keyHash, signal }), unused]);
    // That its agent answers is not asked, which takes as long as all else but the engine: pings tell
    // within seconds where it does not, and a sandbox that somebody froze is thawed by its first call.
    if (slot.connection.failure) throw slot.connection.failure;
    const holdsName = (): Promise<boolean> => containers.hasName(slot.containerId, keyHash);
    return (await directories.finish(claim, survey, holdsName)) ? "claimed" : "contested";
  } catch (error) {
    if (hasCode(error, "conflict")) {
      await directories.giveBack(claim);
      pool.giveBack(slot);
      throw error;
    }
    if (signal?.aborted) {
      inBackground(pool.undo(slot, claim));
      throw error;
    }
    // The container may have the key's name, and some of its files: another one waits for both. Where
    // this fails the engine does not work, as the other one's maker will tell.
    await pool.undo(slot, claim).catch(() => undefined);
    await unused;
    return "dead";
  }
}

/**
 * Whatever was answered, the engine may have done it: then the key has the container, and no other.
 * @throws `conflict` where the key has another one
 */
async function giveName(
  containers: Containers,
  { containerId }: WarmSlot,
  { keyHash, signal }: Pick<ClaimRequest, "keyHash" | "signal">,
): Promise<void> {
  try {
    await containers.claim(containerId, keyHash, signal);
  } catch (error) {
    if (signal?.aborted || !(await containers.hasName(containerId, keyHash, signal))) throw error;
  }
}
