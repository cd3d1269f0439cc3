import { randomBytes } from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";
import { AgentConnection, AgentSandbox } from "@carrel/sandbox-agent";
import type { Containers } from "../container/containers.ts";
import type { ContainerOwner, CreateBody, FileSources } from "../hardening/create-body.ts";
import { WORK_DIR } from "../hardening/places.ts";
import { openAgent } from "../sandbox/open-agent.ts";
import { sandboxIdOfSlot } from "./slot-directories.ts";
import type { SlotDirectories } from "./slot-directories.ts";

/** An agent answers in a millisecond; one that is frozen or starved does not in that many. */
const ANSWER_TIMEOUT_MS = 1000;

/** A sandbox that runs and is nobody's. */
export interface WarmSlot {
  id: string;
  containerId: string;
  /** Id of the sandbox that it is to become. */
  sandboxId: string;
  /** The uid as which its programs run, which the sandbox keeps when it is claimed. */
  uid: number;
  /** What it was made of; see `WarmPoolOptions.recipe`. */
  recipe: string;
  connection: AgentConnection;
}

/** What differs between containers of one provider. */
export interface BodyVariables {
  owner: ContainerOwner;
  sandboxId: string;
  files: FileSources;
  /** The uid of the sandbox's user. */
  uid: number;
}

export interface SlotParts {
  containers: Containers;
  directories: SlotDirectories;
}

export function newSandboxId(): string {
  return `docker-${randomBytes(8).toString("hex")}`;
}

export interface NewSlot {
  id: string;
  body: (variables: BodyVariables) => CreateBody;
  recipe: string;
  /** The connection to its agent ended. */
  onEnded: () => void;
  signal: AbortSignal;
}

/** What there is of a slot. */
export interface MadeSlot {
  id: string;
  /** `null` where it is not known whether there is one. */
  containerId: string | null;
  connection: AgentConnection | null;
}

/**
 * Make a slot, started and with its agent reached.
 * @param made is told how far that has come; where it fails, all of it is to be removed
 */
export async function makeSlot(
  { containers, directories }: SlotParts,
  { id, body, recipe, onEnded, signal }: NewSlot,
  made: MadeSlot,
): Promise<WarmSlot> {
  const sandboxId = sandboxIdOfSlot(id);
  const { files, uid } = await directories.make(id);
  const owner = { warmSlot: id };
  // Without the signal: a container whose making was given up may come all the same, to nobody.
  const containerId = await containers.createWarm(id, body({ owner, sandboxId, files, uid }));
  made.containerId = containerId;
  await containers.start(containerId, signal);
  const stream = await openAgent(containers.engine, { containerId, uid, signal });
  const connection = await AgentConnection.open(stream, signal);
  made.connection = connection;
  stream.once("close", onEnded);
  const slot = { id, containerId, sandboxId, uid, recipe, connection };
  await requireAnswer(slot);
  return slot;
}

/** See that what is in the slot can be used. @throws `unavailable` */
async function requireAnswer({ connection }: WarmSlot): Promise<void> {
  const open = (): Promise<never> => Promise.reject(silent());
  // It is not disposed of: the connection goes on to whoever claims the slot.
  const agent = new AgentSandbox({ id: "warm", workDir: WORK_DIR, open, connection });
  try {
    await agent.stat(WORK_DIR, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch {
    throw silent();
  }
}

/** Removes a slot of this process that nobody claimed. It can be tried again where it fails. */
export function removalOf(
  { containers, directories }: SlotParts,
  { id, containerId, connection }: MadeSlot,
): () => Promise<void> {
  let deleteFiles: (() => Promise<void>) | null = null;
  return async () => {
    connection?.close(silent());
    deleteFiles ??= await directories.setAside(id);
    await containers.remove(containerId ?? containers.warmName(id));
    await deleteFiles?.();
  };
}

/** Why a connection to a slot that nobody has any more ends. */
export function silent(): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The agent of a sandbox that nobody has yet does not answer.",
  });
}
