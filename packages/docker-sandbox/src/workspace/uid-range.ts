import { randomInt } from "node:crypto";
import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";

/** Uids that belong to one installation alone. */
export interface UidRange {
  first: number;
  count: number;
}

/** Debian, systemd and container engines give these to nobody. @see https://systemd.io/UIDS-GIDS */
const UNUSED: UidRange = { first: 1_879_048_192, count: 268_435_456 };
/** An installation's share of them: more than it ever has users, and there are 256 of them. */
const BLOCK = 2 ** 20;
/** The engine refuses larger ones. */
const MAX_UID = 2 ** 31 - 1;
/** The range on an engine that maps uids, which gives containers 65,536 of them. */
export const MAPPED_RANGE: UidRange = { first: 1000, count: 60_000 };
/** Root, and those that mean nobody: the first process of sandboxes has the first of both. */
const RESERVED = [0, 65_534, 65_535];

/** @throws `invalid-argument` */
export function requireRange({ first, count }: UidRange): void {
  requireWholeNumber("uids.first", first, { minimum: 1, maximum: MAX_UID });
  requireWholeNumber("uids.count", count, { minimum: 1, maximum: MAX_UID - first + 1 });
  const reserved = RESERVED.find((uid) => contains({ first, count }, uid));
  if (reserved === undefined) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `The range uids must not contain ${reserved}, which the system reserves; choose a range above it.`,
  });
}

export function contains({ first, count }: UidRange, uid: number): boolean {
  return uid >= first && uid < first + count;
}

/** A block that has none of the uids, drawn at random so that installations rarely choose the same. */
export function chooseBlock(used: readonly number[]): UidRange {
  const start = randomInt(UNUSED.count / BLOCK);
  for (let offset = 0; offset < UNUSED.count / BLOCK; offset++) {
    const block = blockOf(start + offset);
    if (!used.some((uid) => contains(block, uid))) return block;
  }
  return blockOf(start);
}

/** @param index any whole number */
export function blockOf(index: number): UidRange {
  return { first: UNUSED.first + (index % (UNUSED.count / BLOCK)) * BLOCK, count: BLOCK };
}

/** Reads a range from the text of its file; `null` if that says something else. */
export function parseRange(text: string): UidRange | null {
  const [, first, count] = /^(\d{1,10}) (\d{1,10})\s*$/.exec(text) ?? [];
  if (first === undefined || count === undefined) return null;
  const range = { first: Number(first), count: Number(count) };
  requireRange(range);
  return range;
}
