import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode, SandboxStatus } from "@carrel/backend-protocol";
import type { ContainerInfo, ContainerInspectInfo } from "dockerode";
import type { Engine } from "../engine/engine.ts";
import { LABELS, uidIn } from "../hardening/create-body.ts";
import type { CreateBody } from "../hardening/create-body.ts";
import type { SlotDirectories } from "../warm/slot-directories.ts";
import { describe, statusOf } from "./found-container.ts";
import type { FoundContainer } from "./found-container.ts";
import type { Installation } from "./installation.ts";
import { legacyHashKey } from "./installation.ts";
import { readStatistics } from "./statistics.ts";
import type { ContainerUsage } from "./statistics.ts";
import { hasCode } from "../has-code.ts";
import { createContainer, renameContainer } from "./strict-calls.ts";

/** Starting and ending take as long as the engine's machine is loaded. */
const TRANSITION_TIMEOUT_MS = 60_000;
const PAUSE_ATTEMPTS = 3;
/** A rename takes some milliseconds; whoever waits for it has another way. */
const RENAME_TIMEOUT_MS = 5000;
/** The first process ends as soon as it is told to, and all others with it. */
const STOP_SECONDS = 1;

export interface ListedContainer {
  key: string;
  sandboxId: string;
  status: SandboxStatus;
}

/** A container that was made for nobody, claimed or not. */
export interface WarmContainer {
  id: string;
  slotId: string;
  names: readonly string[];
}

/** The containers of one installation. Others on the engine are never touched. */
export class Containers {
  readonly engine: Engine;
  readonly #installation: Installation;
  readonly #slots: SlotDirectories | undefined;

  constructor(engine: Engine, installation: Installation, slots?: SlotDirectories) {
    this.engine = engine;
    this.#installation = installation;
    this.#slots = slots;
  }

  /**
   * The container of a key, whatever its state. Where it was claimed for the key and that was cut
   * off, it is finished first.
   * @throws `unavailable` where its name is held by a container that is not this installation's
   */
  async find(keyHash: string, signal?: AbortSignal): Promise<FoundContainer | null> {
    const found = await this.#inspectNamed(keyHash, signal);
    if (!found) return null;
    const labels = found.Config.Labels ?? {};
    const slotId = labels[LABELS.warm];
    const isOurs = labels[LABELS.install] === this.#installation.label;
    if (isOurs && (slotId !== undefined || this.#isOfKey(labels, keyHash))) {
      if (slotId !== undefined) {
        const holdsName = (): Promise<boolean> => this.hasName(found.Id, keyHash, signal);
        await this.#slots?.settle({ slotId, keyHash }, holdsName);
      }
      return describe(found);
    }
    throw new SandboxError({
      code: "unavailable",
      message: `The name ${this.nameOf(keyHash)} is held by a container that is not Carrel's; rename or remove that one.`,
    });
  }

  /** Reports whether the labels are those of a key. A container that had a legacy name has the legacy hash. */
  #isOfKey(labels: Record<string, string>, keyHash: string): boolean {
    if (labels[LABELS.key] === keyHash) return true;
    const key = this.#installation.unseal(labels[LABELS.sealedKey] ?? "");
    return key !== null && this.#installation.hashKey(key) === keyHash;
  }

  /** This installation's container that has the name of a legacy hash. */
  async findLegacy(legacyHash: string, signal?: AbortSignal): Promise<string | null> {
    const found = await this.#inspectNamed(legacyHash, signal);
    const isOurs = found?.Config.Labels?.[LABELS.install] === this.#installation.label;
    return found && isOurs ? found.Id : null;
  }

  /** Whether a container has the name of a key now. */
  async hasName(id: string, keyHash: string, signal?: AbortSignal): Promise<boolean> {
    return (await this.#inspectNamed(keyHash, signal))?.Id === id;
  }

  /**
   * Names of containers that may have the key's files, and have another name than the key's: somebody
   * renamed them, so that nothing finds them any more.
   * @param label that they have, such as `carrel.sandbox=…`
   */
  async strayed(keyHash: string, label: string, signal?: AbortSignal): Promise<string[]> {
    const own = `/${this.nameOf(keyHash)}`;
    const found = await this.#listAll(signal, label);
    return found
      .filter(({ Names, State }) => statusOf(State) !== "gone" && !(Names ?? []).includes(own))
      .map(({ Id, Names }) => Names?.[0]?.slice(1) ?? Id);
  }

  /** Those of keys. */
  async list(signal?: AbortSignal): Promise<ListedContainer[]> {
    const containers = await this.#listAll(signal);
    const claimed = containers.filter(({ Labels }) => Labels[LABELS.warm] !== undefined);
    const keys = claimed.length === 0 ? null : await this.#keysByName(claimed);
    return containers
      .map((container) => this.#read(container, keys))
      .filter((found) => found !== null);
  }

  /** Those that were made for nobody, claimed ones included. */
  async listWarm(signal?: AbortSignal): Promise<WarmContainer[]> {
    const containers = await this.#listAll(signal);
    return containers.flatMap(({ Id: id, Labels, Names }) => {
      const slotId = Labels[LABELS.warm];
      const names = Names.map((name) => name.replace(/^\//, ""));
      return slotId === undefined ? [] : [{ id, slotId, names }];
    });
  }

  /** The uids that this installation's containers have. */
  async uids(signal?: AbortSignal): Promise<Set<number>> {
    const containers = await this.#listAll(signal, LABELS.uid);
    return new Set(containers.flatMap(({ Labels }) => uidIn(Labels) ?? []));
  }

  /**
   * @returns the container's id
   * @throws `conflict` where the key has a container
   */
  create(keyHash: string, body: CreateBody, signal?: AbortSignal): Promise<string> {
    return this.#create(this.nameOf(keyHash), body, signal);
  }

  /** Name of a container that nobody claimed. */
  warmName(slotId: string): string {
    return this.#installation.warmContainerName(slotId);
  }

  /** Name of a key's container. */
  nameOf(keyHash: string): string {
    return this.#installation.containerName(keyHash);
  }

  /** @returns the container's id */
  createWarm(slotId: string, body: CreateBody): Promise<string> {
    return this.#create(this.warmName(slotId), body, undefined);
  }

  /**
   * Give a container that is nobody's to a key, whose name locks it as that of a new one would.
   * @throws `conflict` where the key has a container, `not-found`
   */
  async claim(id: string, keyHash: string, signal?: AbortSignal): Promise<void> {
    const name = this.nameOf(keyHash);
    await this.engine.call(
      "give the sandbox its name",
      (abortSignal) => renameContainer(this.engine, { id, name }, abortSignal),
      { signal, timeoutMs: RENAME_TIMEOUT_MS },
    );
  }

  async start(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.engine.docker.getContainer(id);
    await this.#change("start", (abortSignal) => container.start({ abortSignal }), signal);
  }

  async stop(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.engine.docker.getContainer(id);
    const stop = (abortSignal: AbortSignal): Promise<unknown> =>
      container.stop({ t: STOP_SECONDS, abortSignal });
    await this.#change("stop", stop, signal);
  }

  /** Also one that is paused, which would not hear that it is to stop. */
  async kill(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.engine.docker.getContainer(id);
    await this.#change("end", (abortSignal) => container.kill({ abortSignal }), signal);
  }

  async pause(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.engine.docker.getContainer(id);
    const pause = (abortSignal: AbortSignal): Promise<unknown> => container.pause({ abortSignal });
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#change("pause", pause, signal);
        return;
      } catch (error) {
        // runc gives up on a group of processes that it did not catch all at once ("unable to freeze").
        if (!hasCode(error, "unavailable") || attempt === PAUSE_ATTEMPTS) throw error;
      }
    }
  }

  /** @returns `false` where it was not frozen */
  unpause(id: string, signal?: AbortSignal): Promise<boolean> {
    const container = this.engine.docker.getContainer(id);
    return this.#change("unpause", (abortSignal) => container.unpause({ abortSignal }), signal);
  }

  /**
   * One that does not run.
   * @returns `false` where it runs, is paused, or is being removed by somebody else
   * @throws `not-found`
   */
  async removeStopped(id: string, signal?: AbortSignal): Promise<boolean> {
    const container = this.engine.docker.getContainer(id);
    const remove = (abortSignal: AbortSignal): Promise<unknown> =>
      container.remove({ v: true, abortSignal });
    const options = { timeoutMs: TRANSITION_TIMEOUT_MS, signal };
    try {
      await this.engine.call("remove the sandbox", remove, options);
      return true;
    } catch (error) {
      if (hasCode(error, "conflict")) return false;
      throw error;
    }
  }

  /** With the volumes that its image asked for. Resolves once its name is free. */
  async remove(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.engine.docker.getContainer(id);
    const options = { timeoutMs: TRANSITION_TIMEOUT_MS, signal };
    const remove = (abortSignal: AbortSignal): Promise<unknown> =>
      container.remove({ force: true, v: true, abortSignal });
    try {
      await this.engine.call("remove the sandbox", remove, options);
    } catch (error) {
      if (hasCode(error, "not-found")) return;
      if (!hasCode(error, "conflict")) throw error;
      // Somebody else removes it: wait for them.
      const wait = (abortSignal: AbortSignal): Promise<unknown> =>
        container.wait({ condition: "removed", abortSignal });
      await this.engine.call("see the sandbox removed", wait, options).catch(unless("not-found"));
    }
  }

  /** @throws `not-found` */
  async usage(id: string, signal?: AbortSignal): Promise<ContainerUsage> {
    const container = this.engine.docker.getContainer(id);
    // One measurement at once: otherwise the engine waits for a second one to compare it with.
    const once = { stream: false as const, "one-shot": true };
    const statistics: unknown = await this.engine.call(
      "tell what the sandbox uses",
      (abortSignal) => container.stats(Object.assign(once, { abortSignal })),
      { signal },
    );
    return readStatistics(statistics);
  }

  /** @returns `false` where its state did not allow it, or is the wanted one already: the next look tells */
  async #change(
    verb: string,
    run: (abortSignal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const options = { timeoutMs: TRANSITION_TIMEOUT_MS, signal };
    try {
      await this.engine.call(`${verb} the sandbox`, run, options);
      return true;
    } catch (error) {
      if (hasCode(error, "conflict")) return false;
      throw error;
    }
  }

  /** What the engine says of the container that has a key's name, whoever's that is. */
  #inspectNamed(
    keyHash: string,
    signal: AbortSignal | undefined,
  ): Promise<ContainerInspectInfo | null> {
    const container = this.engine.docker.getContainer(this.nameOf(keyHash));
    return this.engine
      .call("look for the sandbox", (abortSignal) => container.inspect({ abortSignal }), { signal })
      .catch(unless("not-found"));
  }

  #listAll(signal: AbortSignal | undefined, ...labels: string[]): Promise<ContainerInfo[]> {
    const label = [`${LABELS.install}=${this.#installation.label}`, ...labels];
    return this.engine.call(
      "list the sandboxes",
      (abortSignal) =>
        this.engine.docker.listContainers({ all: true, filters: { label }, abortSignal }),
      { signal },
    );
  }

  async #create(name: string, body: CreateBody, signal: AbortSignal | undefined): Promise<string> {
    const { id, warnings } = await this.engine.call(
      "create the sandbox",
      (abortSignal) => createContainer(this.engine, { name, body }, abortSignal),
      { signal },
    );
    if (warnings.length === 0) return id;
    await this.remove(id);
    throw new SandboxError({
      code: "unsupported",
      message: `The engine does not do all that a sandbox needs, so that none was made: ${warnings.join(" ").slice(0, 1000)}`,
    });
  }

  /** No label of a claimed container tells its key: it lies beside the files. */
  async #keysByName(claimed: readonly ContainerInfo[]): Promise<Map<string, string>> {
    const names = new Set(claimed.flatMap(({ Names }) => Names));
    const sealed = await this.#slots?.sealedKeys((keyHash) =>
      names.has(`/${this.nameOf(keyHash)}`),
    );
    const keys = new Map<string, string>();
    for (const [keyHash, sealedKey] of sealed ?? []) {
      const key = this.#installation.unseal(sealedKey);
      const isOfKey = key !== null && this.#hashesOf(key).includes(keyHash);
      if (isOfKey) keys.set(`/${this.nameOf(keyHash)}`, key);
    }
    return keys;
  }

  #read(container: ContainerInfo, keys: Map<string, string> | null): ListedContainer | null {
    const { Labels, State, Names } = container;
    const sandboxId = Labels[LABELS.sandbox];
    const status = statusOf(State);
    const key =
      Labels[LABELS.warm] === undefined
        ? this.#ownKey(container)
        : Names.map((name) => keys?.get(name)).find((found) => found !== undefined);
    if (key === undefined || sandboxId === undefined || status === "gone") return null;
    return { key, sandboxId, status };
  }

  #ownKey({ Labels, Names }: ContainerInfo): string | undefined {
    const key = this.#installation.unseal(Labels[LABELS.sealedKey] ?? "");
    if (key === null) return undefined;
    // A container that somebody renamed is out of reach: it is the name that finds and locks.
    const names = this.#hashesOf(key).map((keyHash) => `/${this.nameOf(keyHash)}`);
    return Names.some((name) => names.includes(name)) ? key : undefined;
  }

  #hashesOf(key: string): string[] {
    return [this.#installation.hashKey(key), legacyHashKey(key)];
  }
}

/** Pass over errors of one code; for `catch` of a promise. */
function unless(code: SandboxErrorCode): (error: unknown) => null {
  return (error) => {
    if (hasCode(error, code)) return null;
    throw error;
  };
}
