import type { FileSources } from "../hardening/create-body.ts";
import type { SlotDirectories } from "../warm/slot-directories.ts";

/** Whose files they are to be, or are. */
export interface Holder {
  sandboxId: string;
  /** Asks the engine whether this sandbox's container has the key's name, now. */
  holdsName: () => Promise<boolean>;
}

/** Where the files of all users lie. What is in them is only ever opened from inside a sandbox. */
export interface FileStore extends AsyncDisposable {
  /** Directories of sandboxes that are nobody's yet. Absent where files cannot change their place. */
  readonly slots?: SlotDirectories;
  /** See `ContainerSpec`. Absent where no file can be mounted. */
  readonly hostsFile?: string;

  sources(keyHash: string): FileSources;

  /** Make what is missing, ready to be mounted and owned by the sandbox's user. */
  make(keyHash: string, signal?: AbortSignal): Promise<void>;

  /** Before a container that was just made starts: the files are its sandbox's, and all there. */
  take(keyHash: string, holder: Holder): Promise<void>;

  /** Before a container starts again: see that its files are there. @throws `unavailable`, `gone` */
  check(keyHash: string, holder: Holder): Promise<void>;

  /** A label of the containers that may have these files; `null` where none can. */
  labelOfHolder(keyHash: string): Promise<string | null>;

  /** Remove what was made for a container that there is not, as far as nothing is in it. */
  release(keyHash: string, sandboxId: string): Promise<void>;

  /** There are files of this key, whether or not a sandbox has them. */
  has(keyHash: string, signal?: AbortSignal): Promise<boolean>;

  /**
   * Begin to delete, while the sandbox's container still holds its name, so that no later sandbox
   * gets these files or loses its own: nothing is touched that is another sandbox's by then. The
   * function that it gives ends it, once the container is removed.
   */
  setAside(keyHash: string, holder: Holder): Promise<() => Promise<void>>;
}
