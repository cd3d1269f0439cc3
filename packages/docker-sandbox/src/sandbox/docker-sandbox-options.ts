import type { CreateOptions } from "@carrel/backend-protocol";
import type { Containers } from "../container/containers.ts";
import type { CreateBody } from "../hardening/create-body.ts";
import type { SandboxLimits } from "../limits.ts";
import type { FileStore } from "../workspace/file-store.ts";

export interface DockerSandboxOptions {
  id: string;
  key: string;
  keyHash: string;
  containers: Containers;
  files: FileStore;
  limits: Required<SandboxLimits>;
  /** What its container has to be now, for the uid that owns its files. */
  body: (uid: number) => CreateBody;
  /** Its container has a root that lasts, and is therefore never made anew. */
  keepContainer: boolean;
  /** Make good what its container needs and somebody removed: the image, the agent. */
  repair: (options: CreateOptions) => Promise<void>;
  /** It is gone: its provider can forget it. */
  onGone: () => void;
}
