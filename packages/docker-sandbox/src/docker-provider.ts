import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type {
  CreateOptions,
  FindOptions,
  ManagedSandbox,
  OperationOptions,
  ProviderInfo,
  SandboxProvider,
  SandboxSummary,
} from "@carrel/backend-protocol";
import type { AgentConnection } from "@carrel/sandbox-agent";
import { Background } from "./background.ts";
import { containerBody, describeProvider } from "./container-body.ts";
import type { DockerProviderParts } from "./container-body.ts";
import { Containers } from "./container/containers.ts";
import type { FoundContainer } from "./container/found-container.ts";
import * as keyName from "./container/key-name.ts";
import { LegacyNames } from "./container/legacy-names.ts";
import { connectEngine } from "./engine/engine.ts";
import type { CreateBody } from "./hardening/create-body.ts";
import { checkEngine, checkNetwork, openFiles, prepare } from "./provider-needs.ts";
import type { Needs } from "./provider-needs.ts";
import { checkOptions } from "./provider-options.ts";
import type { DockerProviderOptions } from "./provider-options.ts";
import { DockerSandbox } from "./sandbox/docker-sandbox.ts";
import { removeAbandonedCarriers } from "./volumes/carrier.ts";
import { claimSlot } from "./warm/claim-slot.ts";
import { recoverSlots } from "./warm/recover-slots.ts";
import { WarmPool } from "./warm/warm-pool.ts";
import type { WarmPoolOptions } from "./warm/warm-pool.ts";
import { newSandboxId, silent } from "./warm/warm-slot.ts";
import type { BodyVariables } from "./warm/warm-slot.ts";
import type { FileStore } from "./workspace/file-store.ts";
import { hasCode } from "./has-code.ts";

/** How often something that was not there is made again. */
const CREATE_ATTEMPTS = 5;

export interface DockerSandboxProvider extends Required<SandboxProvider> {
  /** How many started sandboxes wait to be claimed now; see `warm`. */
  readonly warmCount: number;
}

/**
 * Sandboxes as hardened containers. Connects to the engine and makes the image ready, so that a
 * provider that one holds works. Options are checked before anything is made.
 * @throws `invalid-argument`, `unavailable`, `not-found` (the image), `unsupported`, `timeout`
 */
export async function createDockerProvider(
  options: DockerProviderOptions,
): Promise<DockerSandboxProvider> {
  const checked = checkOptions(options);
  const engine = await connectEngine(checked.engine);
  let files: FileStore | undefined;
  try {
    checkEngine(engine, checked);
    await checkNetwork(engine, checked);
    const needs: Needs = await prepare(engine, checked);
    const opened = await openFiles(engine, checked, () => needs.image.id);
    files = opened.files;
    return await DockerProvider.open({ engine, options: checked, needs, ...opened });
  } catch (error) {
    await files?.[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

class DockerProvider implements DockerSandboxProvider {
  readonly info: ProviderInfo;
  readonly #parts: DockerProviderParts;
  readonly #containers: Containers;
  readonly #legacy: LegacyNames;
  /** One object for each sandbox, so that all its callers share one connection. */
  readonly #sandboxes = new Map<string, DockerSandbox>();
  readonly #end = new AbortController();
  #recovery: Promise<void> = Promise.resolve();
  #pool: WarmPool | null = null;
  readonly #background = new Background();

  private constructor(parts: DockerProviderParts) {
    this.#parts = parts;
    const { engine, installation, files, options } = parts;
    this.#containers = new Containers(engine, installation, files.slots);
    const [containers, keepContainers] = [this.#containers, options.persistRoot];
    const recovered = (): Promise<void> => this.#recovery;
    this.#legacy = new LegacyNames({ containers, files, recovered, keepContainers });
    this.info = describeProvider(options);
  }

  static async open(parts: DockerProviderParts): Promise<DockerProvider> {
    const provider = new DockerProvider(parts);
    const { files, options, engine } = parts;
    // Nobody waits for it, and what fails of it is tried again at the next start.
    provider.#background.add(removeAbandonedCarriers(engine));
    if (files.sweepUids) {
      const inContainers = (): Promise<Set<number>> => provider.#containers.uids();
      provider.#background.add(files.sweepUids(inContainers));
    }
    const { workspaceRoot: root, warm } = options;
    if (files.slots === undefined || root === undefined) return provider;
    const slots = { root, containers: provider.#containers, directories: files.slots };
    // What fails of it is tried again at the next start; no key waits for it.
    provider.#recovery = recoverSlots({ ...slots, signal: provider.#end.signal }).then(
      () => files.recovered?.(),
      () => undefined,
    );
    if (warm === null) return provider;
    const pool = { ...slots, ...warm, ...provider.#poolNeeds() };
    provider.#pool = await WarmPool.open(pool, provider.#recovery);
    return provider;
  }

  get warmCount(): number {
    return this.#pool?.freeCount ?? 0;
  }

  async create(key: string, options: CreateOptions = {}): Promise<ManagedSandbox> {
    const { signal } = options;
    throwIfAborted(signal);
    const keyHash = await this.#hashOf(key, signal);
    const { files } = this.#parts;
    using _refillsWait = this.#pool?.yieldToUser();
    const unused = keyName.requireNoStray(this.#containers, files, { keyHash, signal });
    const claimed = await this.#claim({ key, keyHash, unused }, options);
    if (claimed) return claimed.countIn(options.memory);
    await unused;
    const sandbox = (await this.#make(key, keyHash, options)).countIn(options.memory);
    try {
      await sandbox.begin(options);
    } catch (error) {
      const undone = this.#undo(sandbox, keyHash);
      // Whoever gave up waiting does not wait for that either.
      if (signal?.aborted) this.#background.add(undone, keyHash);
      else await undone;
      throw error;
    }
    this.#pool?.engineWorks();
    return sandbox;
  }

  async find(key: string, options: FindOptions = {}): Promise<ManagedSandbox | null> {
    return (await this.#find(key, options))?.countIn(options.memory) ?? null;
  }

  async list({ signal }: OperationOptions = {}): Promise<SandboxSummary[]> {
    throwIfAborted(signal);
    const listed = await this.#containers.list(signal);
    return listed.map(({ key, sandboxId, status }) => ({ key, id: sandboxId, status }));
  }

  async remove(key: string, options: OperationOptions = {}): Promise<boolean> {
    const { signal } = options;
    const { files } = this.#parts;
    const keyHash = await this.#hashOf(key, signal);
    for (let attempt = 1; ; attempt++) {
      const found = await this.#find(key, options);
      if (found === null && !(await files.has(keyHash, signal))) return false;
      if (found === null)
        await keyName.requireNoStray(this.#containers, files, { keyHash, signal });
      try {
        // Files without a container: making one keeps others from doing so meanwhile.
        const sandbox = found ?? (await this.#make(key, keyHash, options));
        await sandbox.destroy(options);
        return true;
      } catch (error) {
        // Another one made it meanwhile, for the same reason or to use it, or is removing the files.
        const isPassing = hasCode(error, "already-exists") || hasCode(error, "invalid-argument");
        if (!isPassing || attempt === CREATE_ATTEMPTS) throw error;
      }
    }
  }

  async discard(key: string, options: OperationOptions = {}): Promise<boolean> {
    // Such a container holds what the user installed outside of the files.
    if (this.#parts.options.persistRoot) return false;
    const found = await this.#find(key, options);
    return found === null ? false : found.discard(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#recovery;
    await this.#background[Symbol.asyncDispose]();
    await this.#pool?.[Symbol.asyncDispose]();
    await Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.disconnect()));
    this.#sandboxes.clear();
    await this.#parts.files[Symbol.asyncDispose]();
    await this.#parts.engine[Symbol.asyncDispose]();
  }

  /** The key's name, once nothing is half done for it, and nothing has a name of before. */
  async #hashOf(key: string, signal: AbortSignal | undefined): Promise<string> {
    const keyHash = this.#parts.installation.hashKey(key);
    await this.#background.settled(keyHash, signal);
    await this.#legacy.takeOver(key, keyHash, signal);
    return keyHash;
  }

  async #find(key: string, { signal }: OperationOptions): Promise<DockerSandbox | null> {
    throwIfAborted(signal);
    const keyHash = await this.#hashOf(key, signal);
    const found = await this.#containers.find(keyHash, signal);
    return found === null || found.status === "gone" ? null : this.#adopt(key, keyHash, found);
  }

  /** One of the pool, or `null` where there is none for this key. @throws `already-exists` */
  async #claim(
    { key, keyHash, unused }: { key: string; keyHash: string; unused: Promise<void> },
    options: CreateOptions,
  ): Promise<DockerSandbox | null> {
    if (!this.#pool) return null;
    // It is awaited later, if at all.
    unused.catch(() => undefined);
    const { signal, onProgress } = options;
    const sealKey = (): string => this.#parts.installation.seal(key);
    const inBackground = (work: Promise<void>): void => this.#background.add(work, keyHash);
    const request = { keyHash, sealKey, unused, inBackground, signal };
    for (let attempt = 1; attempt <= CREATE_ATTEMPTS; attempt++) {
      try {
        const claimed = await claimSlot(this.#pool, this.#containers, request);
        if (!claimed) return null;
        const { containerId: id, sandboxId, uid, connection } = claimed.slot;
        const found = { id, sandboxId, uid, status: "running" } as const;
        const sandbox = this.#adopt(key, keyHash, found, connection);
        if (!claimed.hasFiles) await sandbox.takeFiles(signal);
        onProgress?.({ phase: "claiming" });
        return sandbox;
      } catch (error) {
        await this.#clearTheWay(keyHash, error, { ...options, attempt });
      }
    }
    return null;
  }

  /** A sandbox whose container was made, and not started yet. @throws `already-exists` */
  async #make(key: string, keyHash: string, options: CreateOptions): Promise<DockerSandbox> {
    const { signal, onProgress } = options;
    const { files } = this.#parts;
    const sandboxId = newSandboxId();
    const body = this.#keyBody({ key, keyHash, sandboxId });
    onProgress?.({ phase: "creating" });
    const uid = await files.make(keyHash, signal);
    for (let attempt = 1; ; attempt++) {
      try {
        const id = await this.#background.createOrUndo(keyHash, signal, {
          make: () => this.#containers.create(keyHash, body(uid)),
          undo: (id) => this.#containers.remove(id),
        });
        return this.#adopt(key, keyHash, { id, sandboxId, uid, status: "stopped" });
      } catch (error) {
        try {
          const isTaken = hasCode(error, "conflict");
          if (attempt >= (isTaken ? keyName.NAME_ATTEMPTS : CREATE_ATTEMPTS)) {
            throw isTaken ? keyName.nameTaken(error) : error;
          }
          await this.#clearTheWay(keyHash, error, { ...options, attempt });
        } catch (failure) {
          if (!hasCode(failure, "already-exists")) {
            const released = this.#release(keyHash, sandboxId);
            if (!signal?.aborted) await released;
          }
          throw failure;
        }
      }
    }
  }

  /** Not before what its caller gave up is undone, for which they do not wait. */
  #release(keyHash: string, sandboxId: string): Promise<void> {
    const undone = this.#background.settled(keyHash, undefined);
    const released = undone.then(() => this.#parts.files.release(keyHash, sandboxId));
    this.#background.add(released, keyHash);
    return released;
  }

  /** After a container could not be had: do away with what was in its way, or give up. */
  async #clearTheWay(
    keyHash: string,
    error: unknown,
    { attempt, ...options }: CreateOptions & { attempt: number },
  ): Promise<void> {
    if (!SandboxError.isInstance(error)) throw error;
    const { signal } = options;
    switch (error.code) {
      case "conflict": {
        const holder = await this.#containers.find(keyHash, signal);
        if (holder && holder.status !== "gone" && !holder.abandoned)
          throw keyName.alreadyExists(error);
        if (holder) return this.#containers.remove(holder.id, signal);
        await keyName.pauseForName(attempt);
        return throwIfAborted(signal);
      }
      // The engine's word for directories that are not there: their last sandbox was just destroyed.
      case "invalid-argument":
        await this.#parts.files.make(keyHash, signal);
        return;
      // Its word for an image that is not there.
      case "not-found":
        return this.#repair(options);
      default:
        throw error;
    }
  }

  /** A creation that failed leaves nothing; where that fails too, the name is found again. */
  async #undo(sandbox: DockerSandbox, keyHash: string): Promise<void> {
    try {
      const found = await this.#containers.find(keyHash);
      if (found?.sandboxId === sandbox.id) await this.#containers.remove(found.id);
      await this.#parts.files.release(keyHash, sandbox.id);
    } catch {
      // Why it failed is what its caller has to know. A container that was never started is removed
      // by whoever comes next.
    }
    await sandbox.disconnect();
    this.#sandboxes.delete(sandbox.id);
  }

  /** @param connection to its agent, where there is one already */
  #adopt(
    key: string,
    keyHash: string,
    { id, sandboxId, uid, status }: Pick<FoundContainer, "id" | "sandboxId" | "uid" | "status">,
    connection?: AgentConnection,
  ): DockerSandbox {
    const known = this.#sandboxes.get(sandboxId);
    if (known) {
      connection?.close(silent());
      return known;
    }
    const { options, files } = this.#parts;
    const sandbox = new DockerSandbox(
      {
        id: sandboxId,
        key,
        keyHash,
        containers: this.#containers,
        files,
        limits: options.limits,
        body: this.#keyBody({ key, keyHash, sandboxId }),
        keepContainer: options.persistRoot,
        repair: (waiting) => this.#repair(waiting),
        onGone: () => void this.#sandboxes.delete(sandboxId),
      },
      { status, containerId: id, uid },
      connection,
    );
    this.#sandboxes.set(sandboxId, sandbox);
    return sandbox;
  }

  /** What the container of a key's sandbox has to be now. */
  #keyBody(names: {
    key: string;
    keyHash: string;
    sandboxId: string;
  }): (uid: number) => CreateBody {
    const { key, keyHash, sandboxId } = names;
    const { files, installation } = this.#parts;
    return (uid) => {
      const owner = { keyHash, sealedKey: installation.seal(key) };
      return this.#body({ owner, sandboxId, files: files.sources(keyHash), uid });
    };
  }

  #body(variables: BodyVariables): CreateBody {
    return containerBody(this.#parts, variables);
  }

  #poolNeeds(): Pick<WarmPoolOptions, "body" | "recipe" | "repair"> {
    const { needs } = this.#parts;
    return {
      body: (variables) => this.#body(variables),
      // All else is the same as long as the provider lives.
      recipe: () => `${needs.image.id} ${needs.agentVolume}`,
      repair: (signal) => this.#repair({ signal }),
    };
  }

  async #repair(waiting: CreateOptions): Promise<void> {
    const { engine, options, needs } = this.#parts;
    Object.assign(needs, await prepare(engine, options, waiting));
    this.#pool?.drainOutdated();
  }
}
