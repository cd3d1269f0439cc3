import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { pack } from "tar-stream";
import type { Installation } from "../container/installation.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS } from "../hardening/create-body.ts";
import type { FileSources } from "../hardening/create-body.ts";
import { withCarrier } from "../volumes/carrier.ts";
import type { FileStore, Holder } from "./file-store.ts";

export interface NamedVolumesOptions {
  engine: Engine;
  installation: Installation;
  /** Any image that the engine has. */
  imageId: () => string;
  uid: number;
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

  async make(keyHash: string): Promise<void> {
    const { engine, installation, imageId, uid } = this.#options;
    const { workspace, home } = this.sources(keyHash);
    const labels = { [LABELS.install]: installation.label, [LABELS.key]: keyHash };
    const mounts = [
      { volume: workspace, name: "workspace", labels },
      { volume: home, name: "home", labels },
    ];
    const archive = pack();
    for (const name of ["workspace", "home"]) {
      archive.entry({ name, type: "directory", mode: 0o700, uid, gid: uid });
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

  /** A volume that a container has cannot be removed. */
  take(): Promise<void> {
    return Promise.resolve();
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  labelOfHolder(keyHash: string): Promise<string> {
    return Promise.resolve(`${LABELS.key}=${keyHash}`);
  }

  /** Whether something is in a volume cannot be seen. */
  release(): Promise<void> {
    return Promise.resolve();
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
    return async () => {
      if (!isHeld) return;
      for (const name of [workspace, home]) await this.#remove(name);
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
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
