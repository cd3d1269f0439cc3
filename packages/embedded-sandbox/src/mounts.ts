/** A directory of the host that stands at a path of the sandbox. */
export interface Mount {
  /** Absolute path in the sandbox. */
  path: string;
  /** Absolute path on the host. Never shown to anyone inside. */
  hostPath: string;
}

export const WORK_DIR = "/workspace";
export const HOME_DIR = "/home/agent";
export const TEMPORARY_DIR = "/tmp";
