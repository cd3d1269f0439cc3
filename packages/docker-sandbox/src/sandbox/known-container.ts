import type { SandboxStatus } from "@carrel/backend-protocol";

export interface Container {
  containerId: string;
  /** The uid as which its user's programs run; `null` if the container is older than the label that says so. */
  uid: number | null;
}

/** What is known of the container. The engine is asked where it matters. */
export interface Known extends Container {
  status: SandboxStatus;
  /** It was stopped by this very object. */
  wasAsked?: true;
}

export interface KnownNow extends Known {
  /** `null` where the container is gone. */
  specHash: string | null;
  /** It was in a warm pool, and has another container when it starts again. */
  claimed: boolean;
  /** Somebody is about to start it for the first time. */
  beingMade: boolean;
}
