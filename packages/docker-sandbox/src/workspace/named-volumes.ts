import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { pack } from "tar-stream";
import type { Installation } from "../container/installation.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS, SANDBOX_UID, uidIn } from "../hardening/create-body.ts";
import type { FileSources } from "../hardening/create-body.ts";
import { withCarrier } from "../volumes/carrier.ts";
import { giveVolumes } from "../volumes/give-volumes.ts";
import type { CheckOptions, FileStore, Holder } from "./file-store.ts";
import { LegacyVolumes } from "./legacy-volumes.ts";
import { makeVolume } from "./volume-uids.ts";
import type { VolumeUids } from "./volume-uids.ts";

export interface NamedVolumesOptions {
  engine: Engine;
  installation: Installation;
  /** Any image that the engine has. */
  imageId: () => string;
  uids: VolumeUids;
}

/** Files of users in volumes of the engine, for one on another machine. */
export class NamedVolumes implements FileStore {
  readonly #options: NamedVolumesOptions;
  readonly #legacy: LegacyVolumes;

  constructor(options: NamedVolumesOptions) {
    this.#options = options;
    this.#legacy = new LegacyVolumes(options.engine, options.installation);
  }

  sources(keyHash: string): FileSources {
    const { installation } = this.#options;
    const hash = this.#legacy.hashOf(keyHash) ?? keyHash;
    return {
      type: "volume",
      workspace: installation.volumeName(hash, "workspace"),
      home: installation.volumeName(hash, "home"),
    };
  }

  async make(keyHash: string): Promise<number> {
    const record = this.#recordOf(keyHash);
    const uid = (await this.#uidIn(record)) ?? (await this.#makeRecord(keyHash, record));
    // Something may still run on them as the uid of before.
    if (this.#legacy.hashOf(keyHash) === null) await this.#giveDirectories(keyHash, uid);
    return uid;
  }

  /** A volume that a container has cannot be removed. */
  take(keyHash: string): Promise<number> {
    return this.#settle(keyHash);
  }

  check(keyHash: string, _holder: Holder, { kept = false }: CheckOptions = {}): Promise<number> {
    const isLegacy = this.#legacy.hashOf(keyHash) !== null;
    return kept && isLegacy ? this.unlabelledUid() : this.#settle(keyHash);
  }

  unlabelledUid(): Promise<number> {
    return Promise.resolve(SANDBOX_UID);
  }

  labelOfHolder(keyHash: string): Promise<string> {
    return Promise.resolve(`${LABELS.key}=${keyHash}`);
  }

  /** Whether something is in a volume cannot be seen. */
  release(): Promise<void> {
    return Promise.resolve();
  }

  hasLegacy(legacyHash: string): Promise<boolean> {
    return this.#legacy.has(legacyHash);
  }

  takeOver(legacyHash: string, keyHash: string): Promise<void> {
    return this.#legacy.takeOver(legacyHash, keyHash, (name) => this.#exists(name));
  }

  async sweepUids(inContainers: () => Promise<ReadonlySet<number>>): Promise<void> {
    await this.#options.uids.sweep(await inContainers());
  }

  has(keyHash: string): Promise<boolean> {
    return this.#exists(this.sources(keyHash).workspace);
  }

  /** They have no other name to be given, so that nothing is done before the container is removed. */
  async setAside(keyHash: string, holder: Holder): Promise<() => Promise<void>> {
    const { workspace, home } = this.sources(keyHash);
    const { installation, uids } = this.#options;
    const isHeld = await holder.holdsName();
    const uid = await this.#uidIn(this.#recordOf(keyHash));
    const legacyHash = this.#legacy.hashOf(keyHash);
    return async () => {
      if (!isHeld) return;
      // The workspace goes last: as long as it is there, the rest is found again.
      const marks = (["given", "uid"] as const).map((what) =>
        installation.volumeName(keyHash, what),
      );
      const names = legacyHash === null ? [home, workspace] : [home, ...marks, workspace];
      for (const name of names) await this.#remove(name);
      if (legacyHash !== null) await this.#legacy.forget(keyHash, legacyHash);
      if (uid !== null) await uids.free(uid);
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** Name of the volume whose label tells the key's uid. */
  #recordOf(keyHash: string): string {
    const isLegacy = this.#legacy.hashOf(keyHash) !== null;
    return this.#options.installation.volumeName(keyHash, isLegacy ? "uid" : "workspace");
  }

  /** Nothing runs on the volumes: all in them is given to the uid that they are to have. */
  async #settle(keyHash: string): Promise<number> {
    const { engine, installation, imageId } = this.#options;
    const uid = (await this.#uidIn(this.#recordOf(keyHash))) ?? (await this.make(keyHash));
    if (this.#legacy.hashOf(keyHash) === null) return uid;
    const given = installation.volumeName(keyHash, "given");
    if (await this.#exists(given)) return uid;
    const { workspace, home } = this.sources(keyHash);
    await giveVolumes(engine, { imageId: imageId(), volumes: [workspace, home], uid });
    await makeVolume(engine, given, this.#labels(keyHash));
    return uid;
  }

  async #giveDirectories(keyHash: string, uid: number): Promise<void> {
    const { engine, imageId } = this.#options;
    const { workspace, home } = this.sources(keyHash);
    const labels = this.#labels(keyHash);
    const mounts = [
      { volume: workspace, name: "workspace", labels },
      { volume: home, name: "home", labels },
    ];
    const archive = pack();
    for (const name of ["workspace", "home"]) {
      // The numbers of the header have 7 octal digits at most.
      const pax = { uid: String(uid), gid: String(uid) };
      archive.entry({ name, type: "directory", mode: 0o700, pax });
    }
    archive.finalize();
    const entries = await buffer(archive);
    await withCarrier(engine, imageId(), mounts, async (carrier, root) => {
      // An entry for a directory that is there gives it owner and mode.
      await engine.call("give volumes to a sandbox", (abortSignal) =>
        carrier.putArchive(entries, { path: root, abortSignal }),
      );
    });
  }

  #labels(keyHash: string): Record<string, string> {
    return { [LABELS.install]: this.#options.installation.label, [LABELS.key]: keyHash };
  }

  async #exists(name: string): Promise<boolean> {
    return (await this.#labelsOf(name)) !== null;
  }

  /** @returns the uid that a volume's label says, `null` if there is no such volume */
  async #uidIn(name: string): Promise<number | null> {
    const labels = await this.#labelsOf(name);
    return labels && uidIn(labels);
  }

  async #labelsOf(name: string): Promise<Record<string, string> | null> {
    const { engine } = this.#options;
    const volume = engine.docker.getVolume(name);
    try {
      const { Labels } = await engine.call("look for the volume of a sandbox", (abortSignal) =>
        volume.inspect({ abortSignal }),
      );
      return Labels;
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code === "not-found") return null;
      throw error;
    }
  }

  /** Makes the record of the key's uid. The first process decides: the engine gives all others its volume. */
  async #makeRecord(keyHash: string, name: string): Promise<number> {
    const { engine, uids } = this.#options;
    const taken = await uids.take();
    const labels = { ...this.#labels(keyHash), [LABELS.uid]: String(taken) };
    const uid = uidIn(await makeVolume(engine, name, labels));
    if (uid !== taken) await uids.free(taken);
    if (uid !== null) return uid;
    throw new SandboxError({
      code: "unavailable",
      message: `The volume ${name} has no label with a uid, because Carrel did not make it. Remove it, and try again.`,
    });
  }

  async #remove(name: string): Promise<void> {
    const { engine } = this.#options;
    const volume = engine.docker.getVolume(name);
    try {
      await engine.call("remove the volume of a sandbox", (abortSignal) =>
        volume.remove({ abortSignal }),
      );
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code === "not-found") return;
      if (!SandboxError.isInstance(error) || error.code !== "conflict") throw error;
      throw new SandboxError({
        code: "unavailable",
        message:
          "A new sandbox of this key was made while the old one was destroyed, and has its files; destroy it as well.",
        cause: error,
      });
    }
  }
}
