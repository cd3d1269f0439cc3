import type { FileSources } from "../hardening/create-body.ts";
import type { SlotDirectories } from "../warm/slot-directories.ts";

/** Whose files they are to be, or are. */
export interface Holder {
  sandboxId: string;
  /** Asks the engine whether this sandbox's container has the key's name, now. */
  holdsName: () => Promise<boolean>;
}

export interface TakeOverOptions {
  /** The path of before stays, as a link: a container that is kept mounts it when it starts again. */
  keepPath: boolean;
}

export interface CheckOptions {
  kept?: boolean;
  signal?: AbortSignal | undefined;
}

/** Where the files of all users lie. What is in them is only ever opened from inside a sandbox. */
export interface FileStore extends AsyncDisposable {
  /** Directories of sandboxes that are nobody's yet. Absent where files cannot change their place. */
  readonly slots?: SlotDirectories;
  /** See `ContainerSpec`. Absent where no file can be mounted. */
  readonly hostsFile?: string;

  sources(keyHash: string): FileSources;

  /** Make what is missing, ready to be mounted. @returns the uid that the sandbox is to run as */
  make(keyHash: string, signal?: AbortSignal): Promise<number>;

  /**
   * Before a container that was just made starts: the files are its sandbox's, and all there.
   * @returns the uid that owns them now, which is another than `make` said if they were made anew
   */
  take(keyHash: string, holder: Holder, signal?: AbortSignal): Promise<number>;

  /**
   * Before a container starts again: see that its files are there, and all of one uid.
   * @param kept the container cannot be made anew: the files stay with the uid that it has
   * @returns that uid
   * @throws `unavailable`, `gone`
   */
  check(keyHash: string, holder: Holder, options?: CheckOptions): Promise<number>;

  /** The uid that a container runs as which does not say so: it is older than its label. */
  unlabelledUid(keyHash: string): Promise<number>;

  /** A label of the containers that may have these files; `null` where none can. */
  labelOfHolder(keyHash: string): Promise<string | null>;

  /** Remove what was made for a container that there is not, as far as nothing is in it. */
  release(keyHash: string, sandboxId: string): Promise<void>;

  /** Reports whether files, or a claim of them, have the legacy hash of a key. */
  hasLegacy(legacyHash: string): Promise<boolean>;

  /** From now on no claim is left that was cut off before this process began. */
  recovered?(): void;

  /**
   * Makes the files of the legacy hash those of the hash. A container that runs keeps its files.
   */
  takeOver(legacyHash: string, keyHash: string, options: TakeOverOptions): Promise<void>;

  /**
   * Free uids that nothing has any more. Absent if none are reserved.
   * @param inContainers those that containers have
   */
  sweepUids?(inContainers: () => Promise<ReadonlySet<number>>): Promise<void>;

  /** There are files of this key, whether or not a sandbox has them. */
  has(keyHash: string, signal?: AbortSignal): Promise<boolean>;

  /**
   * Begin to delete, while the sandbox's container still holds its name, so that no later sandbox
   * gets these files or loses its own: nothing is touched that is another sandbox's by then. The
   * function that it gives ends it, once the container is removed.
   */
  setAside(keyHash: string, holder: Holder): Promise<() => Promise<void>>;
}
