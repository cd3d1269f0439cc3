import type { Containers, WarmContainer } from "../container/containers.ts";
import { inParallel } from "./in-parallel.ts";
import { PoolOwner } from "./pool-owner.ts";
import type { Claim, SlotDirectories } from "./slot-directories.ts";

/** How many are removed at a time. */
const WIDTH = 4;

export interface RecoveryOptions {
  root: string;
  containers: Containers;
  directories: SlotDirectories;
  signal: AbortSignal;
}

/**
 * After processes that ended without draining their pools: finish the claims that had come to a
 * container, undo the others, remove the slots. Pools of living processes are left alone. Several
 * may do this at once.
 */
export async function recoverSlots(options: RecoveryOptions): Promise<void> {
  const { root, containers, directories, signal } = options;
  // In this order: what is there when the pools are looked at was there before, and so was its pool.
  const [slots, claims] = [await directories.slots(), await directories.claims()];
  const hadPools = (await PoolOwner.all(root)).length > 0;
  if (!hadPools && slots.length + claims.length === 0) return;
  const warm = await containers.listWarm(signal);
  const pools = await PoolOwner.all(root);
  const living = new Set(pools.filter(({ lives }) => lives).map(({ id }) => id));
  const isOrphan = (slotId: string): boolean => !living.has(ownerOf(slotId));
  const bySlot = new Map(warm.map((container) => [container.slotId, container]));

  const orphanClaims = claims.filter(({ slotId }) => isOrphan(slotId));
  await each(orphanClaims, options, (claim) => endClaim(claim, bySlot.get(claim.slotId), options));
  await each(slots.filter(isOrphan), options, async (slotId) => {
    const deleteFiles = await directories.setAside(slotId);
    const container = bySlot.get(slotId);
    if (container && deleteFiles) await containers.remove(container.id, signal);
    await deleteFiles?.();
  });
  // Those whose directories are gone: their removal was cut off.
  const claimed = new Set(claims.map(({ slotId }) => slotId));
  const isUnclaimed = ({ slotId, names }: WarmContainer): boolean =>
    !claimed.has(slotId) && names.includes(containers.warmName(slotId));
  const left = warm.filter((container) => isOrphan(container.slotId) && isUnclaimed(container));
  await each(left, options, ({ id }) => containers.remove(id, signal));
  for (const { id, lives } of pools) if (!lives) await PoolOwner.forget(root, id);
}

/** How the claim of a process that ended ends: its container has the key's name, or it has not. */
async function endClaim(
  claim: Claim,
  container: WarmContainer | undefined,
  { containers, directories, signal }: RecoveryOptions,
): Promise<void> {
  if (container?.names.includes(containers.nameOf(claim.keyHash))) {
    return directories.settle(claim, () => containers.hasName(container.id, claim.keyHash, signal));
  }
  if (container) await containers.remove(container.id, signal);
  await directories.undo(claim);
}

/** The first failure ends it: what is left is found at the next start, or with its key. */
function each<Item>(
  items: readonly Item[],
  { signal }: RecoveryOptions,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  return inParallel(items, WIDTH, async (item) => {
    signal.throwIfAborted();
    await work(item);
  });
}

/** Of a pool; see `PoolOwner`. */
function ownerOf(slotId: string): string {
  return slotId.split("-", 1)[0] ?? "";
}
