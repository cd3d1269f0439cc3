import { throwIfAborted } from "@carrel/backend-protocol";
import type { OperationOptions } from "@carrel/backend-protocol";
import { NAME_ATTEMPTS, pauseForName } from "../container/key-name.ts";
import { hasCode } from "../has-code.ts";
import type { DockerSandboxOptions } from "./docker-sandbox-options.ts";

type Needs = Pick<DockerSandboxOptions, "containers" | "keyHash" | "body" | "repair">;

/**
 * Replaces a container that does not run by what it has to be now.
 * @returns the new one's id, `null` if another process holds the key's name
 */
export async function remakeContainer(
  needs: Needs,
  { outdated, uid }: { outdated: string; uid: number },
  options: OperationOptions,
): Promise<string | null> {
  await needs.containers.remove(outdated, options.signal);
  try {
    return await create(needs, uid, options);
  } catch (error) {
    if (!hasCode(error, "not-found")) throw error;
    await needs.repair(options);
    return create(needs, uid, options);
  }
}

async function create(
  { containers, keyHash, body }: Needs,
  uid: number,
  { signal }: OperationOptions,
): Promise<string | null> {
  try {
    return await containers.create(keyHash, body(uid), signal);
  } catch (error) {
    if (!hasCode(error, "conflict")) throw error;
  }
  // The engine has the name before it has the container.
  for (let attempt = 1; attempt < NAME_ATTEMPTS; attempt++) {
    if ((await containers.find(keyHash, signal)) !== null) break;
    await pauseForName(attempt);
    throwIfAborted(signal);
  }
  return null;
}
