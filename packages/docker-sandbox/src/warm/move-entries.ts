import { hasErrno } from "../workspace/own-directory.ts";
import { chmodIfThere, entriesOf, lstatIfThere, renameIfThere } from "./if-there.ts";
import { inParallel } from "./in-parallel.ts";

/** How many renames wait for the few threads that do them, which others need as well. */
const WIDTH = 32;
/** How often a directory is emptied that somebody fills meanwhile. */
const MAX_ROUNDS = 10;
const DEFAULT_MODE = 0o700;
const MODE_BITS = 0o7777;

/**
 * Move entries of one directory into another as they are: no link is followed, and nothing in a
 * directory is looked at. What is not there was moved by somebody else.
 */
export async function moveEntries(
  names: readonly Buffer[],
  from: string,
  to: string,
): Promise<void> {
  const [source, target] = [Buffer.from(`${from}/`), Buffer.from(`${to}/`)];
  await inParallel(names, WIDTH, async (name) => {
    await renameIfThere(Buffer.concat([source, name]), Buffer.concat([target, name]));
  });
}

/** What is to be moved. */
export interface Contents {
  names: readonly Buffer[];
  mode: number;
  /** The owner of the directory. */
  uid: number;
}

export interface ExchangeOptions {
  /** What was in the user's directory a moment ago; `null` if there was none. */
  seen: Contents | null | undefined;
  /** Give what came into the slot's directory to its owner, before anything can run on it. */
  give: (slot: string) => Promise<void>;
}

/** What is in the user's directory comes into the slot's, which then takes its place. */
export async function exchange(
  slot: string,
  user: string,
  { seen, give }: ExchangeOptions,
): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const contents = round === 0 && seen !== undefined ? seen : await contentsOf(user);
    if (contents) {
      await moveEntries(contents.names, user, slot);
      const mode = contents.mode & MODE_BITS;
      if (mode !== DEFAULT_MODE) await chmodIfThere(slot, mode);
    }
    // Also what another one moved who was cut off.
    await give(slot);
    try {
      // Over an empty directory alone. Where the slot's is not there, somebody else has done it.
      await renameIfThere(slot, user);
      return;
    } catch (error) {
      if (!hasErrno(error, "ENOTEMPTY", "EEXIST")) throw error;
    }
  }
  throw new Error(`${user} is filled while it is emptied`);
}

async function contentsOf(path: string): Promise<Contents | null> {
  const found = await lstatIfThere(path);
  if (!found) return null;
  if (!found.isDirectory()) throw new Error(`${path} is no directory`);
  return { names: await entriesOf(path), mode: found.mode, uid: found.uid };
}
