import { createHash } from "node:crypto";
import Docker from "dockerode";
import type { Container } from "dockerode";

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
 * are those that mount something of its workspaces, and the key is in the name, by its hash.
 */
export class EngineView {
  readonly docker: Docker;
  readonly #workspaceRoot: string;
  readonly #keyByHash = new Map<string, string>();

  constructor(socketPath: string, workspaceRoot: string) {
    this.docker = new Docker({ socketPath });
    this.#workspaceRoot = workspaceRoot;
  }

  /** Keys cannot be read from the engine: only those that were told here are known. */
  know(...keys: readonly string[]): void {
    for (const key of keys) this.#keyByHash.set(hashOf(key), key);
  }

  async containers(): Promise<SeenContainer[]> {
    const filters = { label: ["carrel.install"] };
    const listed = await this.docker.listContainers({ all: true, filters });
    return listed
      .filter(({ Mounts }) => Mounts.some(({ Source }) => this.#isOurs(Source)))
      .map(({ Id, Names, State }) => {
        const name = (Names[0] ?? "").slice(1);
        const key = this.#keyByHash.get(name.split("-").at(-1) ?? "") ?? null;
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

  #isOurs(path: string): boolean {
    return path.startsWith(`${this.#workspaceRoot}/`);
  }
}

/** Where the files of a key lie, under the root of all workspaces. */
export function directoryOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function hashOf(key: string): string {
  return directoryOf(key).slice(0, 32);
}
