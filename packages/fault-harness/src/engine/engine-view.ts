import { createHmac, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import type { Container } from "dockerode";

/** So much of a hash is in a container's name. */
const NAME_HASH_LENGTH = 32;

/** One container of an installation, as the engine tells, whoever made it. */
export interface SeenContainer {
  id: string;
  name: string;
  /** Of the user whose it is; `null` of one that is nobody's, such as one that is kept warm. */
  key: string | null;
  state: string;
}

/**
 * What is on an engine, asked for without the code that is under test: an installation's containers
 * are those that mount something of its workspaces, and the key is in the name, by a keyed hash.
 */
export class EngineView {
  readonly docker: Docker;
  readonly #workspaceRoot: string;
  readonly #keys = new Set<string>();

  constructor(socketPath: string, workspaceRoot: string) {
    this.docker = new Docker({ socketPath });
    this.#workspaceRoot = workspaceRoot;
  }

  /** Keys cannot be read from the engine: only those that were told here are known. */
  know(...keys: readonly string[]): void {
    for (const key of keys) this.#keys.add(key);
  }

  async containers(): Promise<SeenContainer[]> {
    const filters = { label: ["carrel.install"] };
    const listed = await this.docker.listContainers({ all: true, filters });
    const ours = listed.filter(({ Mounts }) => Mounts.some(({ Source }) => this.#isOurs(Source)));
    if (ours.length === 0) return [];
    const keyByHash = this.#keyByHash();
    return ours.map(({ Id, Names, State }) => {
      const name = (Names[0] ?? "").slice(1);
      const key = keyByHash.get(name.split("-").at(-1) ?? "") ?? null;
      return { id: Id, name, key, state: State };
    });
  }

  async containersOf(key: string): Promise<SeenContainer[]> {
    return (await this.containers()).filter((container) => container.key === key);
  }

  /** The container of a key, to do something to it behind the manager's back. */
  async container(key: string): Promise<Container | null> {
    const [found] = await this.containersOf(key);
    return found ? this.docker.getContainer(found.id) : null;
  }

  async removeAll(): Promise<void> {
    for (const { id } of await this.containers()) {
      await this.docker.getContainer(id).remove({ force: true, v: true });
    }
  }

  #keyByHash(): Map<string, string> {
    const entries = [...this.#keys].map((key): [string, string] => {
      return [directoryOf(this.#workspaceRoot, key).slice(0, NAME_HASH_LENGTH), key];
    });
    return new Map(entries);
  }

  #isOurs(path: string): boolean {
    return path.startsWith(`${this.#workspaceRoot}/`);
  }
}

/** Returns the directory of a key's files, under the root of all workspaces of an installation. */
export function directoryOf(workspaceRoot: string, key: string): string {
  const id = readFileSync(join(workspaceRoot, "installation-id"), "utf8").trim();
  const secret = hkdfSync("sha256", id, "", "carrel.key-pseudonym", 32);
  return createHmac("sha256", Buffer.from(secret)).update(key).digest("hex");
}
