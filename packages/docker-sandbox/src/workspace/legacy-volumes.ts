import type { Installation } from "../container/installation.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS, uidIn } from "../hardening/create-body.ts";

const WORKSPACE = "-workspace";

/**
 * Volumes that were made before names needed a secret and each sandbox had a uid. A volume cannot be
 * renamed, and copying may fail for what users made of it (trees too deep for paths): they keep their
 * names until their sandbox is destroyed. Which there are is asked once: none is made any more.
 */
export class LegacyVolumes {
  readonly #engine: Engine;
  readonly #installation: Installation;
  #names: Promise<Set<string>> | null = null;
  /** The hash in the names of a key's volumes, by the key's hash. */
  readonly #hashes = new Map<string, string>();

  constructor(engine: Engine, installation: Installation) {
    this.#engine = engine;
    this.#installation = installation;
  }

  async has(legacyHash: string): Promise<boolean> {
    return (await this.#found()).has(this.#nameOf(legacyHash));
  }

  /** @param exists asks the engine whether a volume is still there */
  async takeOver(
    legacyHash: string,
    keyHash: string,
    exists: (name: string) => Promise<boolean>,
  ): Promise<void> {
    const name = this.#nameOf(legacyHash);
    if (await exists(name)) return void this.#hashes.set(keyHash, legacyHash);
    await this.forget(keyHash, legacyHash);
  }

  /** The hash in the names of a key's volumes, if it is not the key's own. */
  hashOf(keyHash: string): string | null {
    return this.#hashes.get(keyHash) ?? null;
  }

  /** They are gone: the key's next volumes have its own name. */
  async forget(keyHash: string, legacyHash: string): Promise<void> {
    this.#hashes.delete(keyHash);
    (await this.#found()).delete(this.#nameOf(legacyHash));
  }

  #nameOf(legacyHash: string): string {
    return this.#installation.volumeName(legacyHash, "workspace");
  }

  async #found(): Promise<Set<string>> {
    this.#names ??= this.#list();
    try {
      return await this.#names;
    } catch (error) {
      this.#names = null;
      throw error;
    }
  }

  async #list(): Promise<Set<string>> {
    const filters = { label: [`${LABELS.install}=${this.#installation.label}`] };
    const { Volumes } = await this.#engine.call("list the volumes of sandboxes", (abortSignal) =>
      this.#engine.docker.listVolumes({ filters, abortSignal }),
    );
    const isLegacy = ({
      Name,
      Labels,
    }: {
      Name: string;
      Labels: Record<string, string>;
    }): boolean => Name.endsWith(WORKSPACE) && uidIn(Labels) === null;
    return new Set((Volumes ?? []).filter(isLegacy).map(({ Name }) => Name));
  }
}
