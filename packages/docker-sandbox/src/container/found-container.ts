import type { SandboxStatus } from "@carrel/backend-protocol";
import type { ContainerInspectInfo } from "dockerode";
import { LABELS, uidIn } from "../hardening/create-body.ts";

/** A container that was made so long ago and never started was given up by its maker. */
const ABANDONED_AFTER_MS = 2 * 60_000;

/** A sandbox's container, as the engine describes it. */
export interface FoundContainer {
  id: string;
  sandboxId: string;
  /** The uid as which its user's programs run; `null` if it is older than the label that says so. */
  uid: number | null;
  specHash: string;
  /** It was made for nobody, on directories that are not there any more once it stopped. */
  claimed: boolean;
  /** `gone` if the engine has it but is removing it, or failed to. */
  status: SandboxStatus;
  /** It was made and never started: somebody is about to. */
  beingMade: boolean;
  /** It was made and never started, and nobody is about to. */
  abandoned: boolean;
  /** How its first process ended; `null` if it runs or never did. */
  ending: { exitCode: number; outOfMemory: boolean } | null;
}

/** What is known of a container that the engine was asked for. */
export function describe({ Id, Config, Created, State }: ContainerInspectInfo): FoundContainer {
  const neverStarted = State.Status === "created";
  const status = statusOf(State.Status);
  const abandoned = neverStarted && Date.now() - Date.parse(Created) > ABANDONED_AFTER_MS;
  return {
    id: Id,
    sandboxId: Config.Labels[LABELS.sandbox] ?? "",
    uid: uidIn(Config.Labels),
    specHash: Config.Labels[LABELS.spec] ?? "",

    claimed: Config.Labels[LABELS.warm] !== undefined,
    status,
    beingMade: neverStarted && !abandoned,
    abandoned,
    ending:
      status === "stopped" && !neverStarted
        ? { exitCode: State.ExitCode, outOfMemory: State.OOMKilled }
        : null,
  };
}

/** Translates the engine's word for the state of a container. */
export function statusOf(state: string): SandboxStatus {
  switch (state) {
    case "running":
    case "paused":
      return state;
    case "dead":
    case "removing":
      return "gone";
    default:
      return "stopped";
  }
}
