import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { pack } from "tar-stream";
import type { Installation } from "../container/installation.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS, SANDBOX_UID, uidIn } from "../hardening/create-body.ts";
import type { FileSources } from "../hardening/create-body.ts";
import { withCarrier } from "../volumes/carrier.ts";
import type { FileStore, Holder } from "./file-store.ts";
import { makeVolume } from "./volume-uids.ts";
import type { VolumeUids } from "./volume-uids.ts";

/** A uid that nothing has is somebody's about to be used, unless it was reserved before that. */
const UNUSED_AFTER_MS = 60 * 60_000;

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

  constructor(options: NamedVolumesOptions) {
    this.#options = options;
  }

  sources(keyHash: string): FileSources {
    const { installation } = this.#options;
    return {
      type: "volume",
      workspace: installation.volumeName(keyHash, "workspace"),
      home: installation.volumeName(keyHash, "home"),
    };
  }

  async make(keyHash: string): Promise<number> {
    const { engine, installation, imageId } = this.#options;
    const { workspace, home } = this.sources(keyHash);
    const uid = (await this.#uidOf(workspace)) ?? (await this.#makeWorkspace(keyHash, workspace));
    const labels = { [LABELS.install]: installation.label, [LABELS.key]: keyHash };
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
    return uid;
  }

  /** A volume that a container has cannot be removed. */
  take(keyHash: string): Promise<number> {
    return this.#requireUid(keyHash);
  }

  check(keyHash: string): Promise<number> {
    return this.#requireUid(keyHash);
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

  async sweepUids(inContainers: () => Promise<ReadonlySet<number>>): Promise<void> {
    await this.#options.uids.sweep(UNUSED_AFTER_MS, await inContainers());
  }

  async has(keyHash: string, signal?: AbortSignal): Promise<boolean> {
    const { engine } = this.#options;
    const volume = engine.docker.getVolume(this.sources(keyHash).workspace);
    try {
      await engine.call("look for the volume of a sandbox", () => volume.inspect(), { signal });
      return true;
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code === "not-found") return false;
      throw error;
    }
  }

  /** They have no other name to be given, so that nothing is done before the container is removed. */
  async setAside(keyHash: string, holder: Holder): Promise<() => Promise<void>> {
    const { workspace, home } = this.sources(keyHash);
    const isHeld = await holder.holdsName();
    const uid = await this.#uidOf(workspace);
    return async () => {
      if (!isHeld) return;
      // The workspace says whose uid it is, and goes last.
      for (const name of [home, workspace]) await this.#remove(name);
      if (uid !== null) await this.#options.uids.free(uid);
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  /** @returns the uid that its label says, `null` if there is no such volume */
  async #uidOf(name: string): Promise<number | null> {
    const { engine } = this.#options;
    const volume = engine.docker.getVolume(name);
    try {
      const { Labels } = await engine.call("look for the volume of a sandbox", (abortSignal) =>
        volume.inspect({ abortSignal }),
      );
      return uidIn(Labels) ?? SANDBOX_UID;
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code === "not-found") return null;
      throw error;
    }
  }

  async #requireUid(keyHash: string): Promise<number> {
    return (await this.#uidOf(this.sources(keyHash).workspace)) ?? this.make(keyHash);
  }

  /** Whoever makes it first says which uid the key has: the engine gives all others that volume. */
  async #makeWorkspace(keyHash: string, name: string): Promise<number> {
    const { engine, installation, uids } = this.#options;
    const taken = await uids.take();
    const uid = await makeVolume(engine, name, {
      [LABELS.install]: installation.label,
      [LABELS.key]: keyHash,
      [LABELS.uid]: String(taken),
    }).then(uidIn);
    if (uid !== taken) await uids.free(taken);
    return uid ?? SANDBOX_UID;
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
