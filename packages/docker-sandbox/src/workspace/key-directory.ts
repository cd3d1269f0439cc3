import { randomUUID } from "node:crypto";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { lstatIfThere, namesIn, removeIfThere, renameIfThere } from "../warm/if-there.ts";
import type { Holder } from "./file-store.ts";
import { hasErrno, requireOwn } from "./own-directory.ts";

/**
 * The directory of one key, `<root>/<hash of the key>`. Beside the files there is one empty directory
 * in it whose name says whose they are: `of.<id of the sandbox>`. It comes with the directory, and is
 * only ever renamed. Whoever takes files away names them by a path that leads through it, so that the
 * kernel finds nothing where they have become another's, however long ago one looked.
 */
const MARK = "of.";
/** A link whose text is the uid that the files are being given to; see `KeyOwner`. */
export const GIVING = "giving";
/** Nobody started a sandbox on them yet. */
const NOBODY = `${MARK}nobody`;
const ENTRIES = ["workspace", "home", "key"];
const MODE = 0o700;
/** How often one looks again after somebody else was faster. */
const MAX_ROUNDS = 10;

/** What a directory has when it is published. */
export interface DirectoryContents {
  make: (draft: string) => Promise<void>;
  /** Undoes that, as far as it came. */
  unmake: (draft: string) => Promise<void>;
}

/**
 * Make it where it is not there.
 * @param trash directory on the same filesystem
 * @param contents what is to be in it from the first moment
 * @throws `invalid-argument` where something else is there
 */
export async function publishDirectory(
  path: string,
  trash: string,
  contents?: DirectoryContents,
): Promise<void> {
  if (!(await lstatIfThere(path)) || (await namesIn(path)).length === 0) {
    await publish(path, trash, contents);
  }
  await requireOwn(path, "The directory of a sandbox");
}

/** Whose mark it has; `null` where it has none, or nobody's. */
export async function markedFor(path: string): Promise<string | null> {
  const mark = (await marksIn(path)).find((name) => name !== NOBODY);
  return mark?.slice(MARK.length) ?? null;
}

/**
 * Put the mark of a sandbox on it.
 * @returns `false` where another sandbox has the key
 * @throws an error of which `isMissing` is true where the directory is not there
 */
export async function markFor(path: string, holder: Holder): Promise<boolean> {
  await requireOwn(path, "The directory of a sandbox");
  const wanted = MARK + holder.sandboxId;
  for (let round = 1; round <= MAX_ROUNDS; round++) {
    const marks = await marksIn(path);
    if (marks.includes(wanted)) return true;
    const [mark] = marks;
    // Asked after the mark was read: whoever takes the key after that takes this mark away.
    if (mark !== NOBODY && !(await holder.holdsName())) return false;
    if (mark === undefined) {
      // It was made before there were marks.
      await mkdir(join(path, wanted), { mode: MODE });
      return true;
    }
    if (await renameIfThere(join(path, mark), join(path, wanted))) return true;
  }
  throw new SandboxError({
    code: "unavailable",
    message: "The files of a sandbox change their owner all the time; try again.",
  });
}

/** Move all that has the sandbox's mark to another directory, and remove what is then empty. */
export async function takeOut(path: string, sandboxId: string, target: string): Promise<void> {
  const mark = join(path, MARK + sandboxId);
  for (const name of ENTRIES) {
    // Not `join`, which would leave out the mark.
    const source = `${mark}/../${name}`;
    if (process.getuid?.() !== 0) await makeMovable(source);
    for (let round = 1; !(await renameIfThere(source, join(target, name))); round++) {
      if (round > MAX_ROUNDS || !(await lstatIfThere(source))) break;
      // Another process at its start deletes what it finds in the trash.
      await mkdir(target, { recursive: true, mode: MODE });
    }
  }
  await rm(`${mark}/../${GIVING}`, { force: true });
  await removeIfThere(mark);
  await removeIfThere(path);
}

/** Where a sandbox was not made after all: remove what is empty, unless it is another's by now. */
export async function removeEmpty(path: string, sandboxId: string): Promise<void> {
  for (const name of [NOBODY, MARK + sandboxId]) {
    const mark = join(path, name);
    const places = ["workspace", "home"].map((place) => removeIfThere(`${mark}/../${place}`));
    if (!(await Promise.all(places)).every(Boolean)) continue;
    for (const name of ["key", GIVING]) await rm(`${mark}/../${name}`, { force: true });
    await removeIfThere(mark);
    await removeIfThere(path);
  }
}

/** Put the mark of a sandbox on a directory that is no key's yet. */
export async function makeMark(path: string, sandboxId: string): Promise<void> {
  await mkdir(join(path, MARK + sandboxId), { recursive: true, mode: MODE });
}

export async function removeMark(path: string, sandboxId: string): Promise<void> {
  await removeIfThere(join(path, MARK + sandboxId));
}

/**
 * Put the mark of a sandbox on it, where it has that of another one. Whoever read that one before the
 * sandbox got the key's name needs not ask whether it has it still: who gets it next takes the mark away.
 * @param from as `markedFor` tells
 * @returns `false` where it has not
 */
export function passOn(path: string, from: string | null, sandboxId: string): Promise<boolean> {
  const mark = from === null ? NOBODY : MARK + from;
  return renameIfThere(join(path, mark), join(path, MARK + sandboxId));
}

async function publish(path: string, trash: string, contents?: DirectoryContents): Promise<void> {
  for (let round = 1; ; round++) {
    const draft = join(trash, randomUUID());
    try {
      await mkdir(join(draft, NOBODY), { recursive: true, mode: MODE });
      await contents?.make(draft);
      // It takes the place of nothing, or of an empty directory.
      return await rename(draft, path);
    } catch (error) {
      await contents?.unmake(draft);
      await removeIfThere(join(draft, NOBODY));
      await removeIfThere(draft);
      // Somebody else made it, or it is none: that is seen next.
      if (hasErrno(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) return;
      // Another process at its start deletes what it finds in the trash.
      if (!hasErrno(error, "ENOENT") || round === MAX_ROUNDS) throw error;
    }
  }
}

/** A directory that its owner cannot write to goes nowhere else, unless root moves it. */
async function makeMovable(path: string): Promise<void> {
  if (!(await lstatIfThere(path))?.isDirectory()) return;
  try {
    await chmod(path, MODE);
  } catch (error) {
    if (!hasErrno(error, "ENOENT")) throw error;
  }
}

async function marksIn(path: string): Promise<string[]> {
  return (await namesIn(path)).filter((name) => name.startsWith(MARK));
}
