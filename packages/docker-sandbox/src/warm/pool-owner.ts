import { once } from "node:events";
import { open, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";
import { SandboxError } from "@carrel/backend-protocol";
import { hasErrno, makeOwn } from "../workspace/own-directory.ts";
import { namesIn } from "./if-there.ts";

const POOLS = ".pools";

/**
 * Tells other processes that a pool lives: a socket in the workspace root, on which the kernel stops
 * to listen when the process ends in whatever way. So it tells the truth from one container to
 * another as well, where process ids mean nothing.
 */
export class PoolOwner implements AsyncDisposable {
  readonly id: string;
  readonly #server: Server;
  readonly #directory: ShortPath;

  private constructor(id: string, server: Server, directory: ShortPath) {
    this.id = id;
    this.#server = server;
    this.#directory = directory;
  }

  /** @param id drawn at random, of hexadecimal digits @throws `invalid-argument` */
  static async begin(root: string, id: string): Promise<PoolOwner> {
    await makeOwn(join(root, POOLS), `${POOLS} in workspaceRoot`);
    const directory = await ShortPath.of(join(root, POOLS));
    const server = createServer((socket) => socket.destroy());
    try {
      server.listen(directory.to(id));
      await once(server, "listening");
    } catch (cause) {
      await directory[Symbol.asyncDispose]();
      throw new SandboxError({
        code: "invalid-argument",
        message: `A warm pool needs a workspaceRoot in which sockets can be made (in ${POOLS}); use another filesystem, or no pool.`,
        cause,
      });
    }
    server.unref();
    return new PoolOwner(id, server, directory);
  }

  /** The ids of all pools that did not end in order, and which of them live. */
  static async all(root: string): Promise<{ id: string; lives: boolean }[]> {
    const ids = await namesIn(join(root, POOLS));
    if (ids.length === 0) return [];
    await using directory = await ShortPath.of(join(root, POOLS));
    const look = async (id: string): Promise<{ id: string; lives: boolean }> => {
      return { id, lives: await listens(directory.to(id)) };
    };
    return await Promise.all(ids.map(look));
  }

  /** Once nothing is left of a pool whose process ended. */
  static async forget(root: string, id: string): Promise<void> {
    await rm(join(root, POOLS, id), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** A socket's path has 107 bytes at most; one that goes by an open directory is short. */
class ShortPath implements AsyncDisposable {
  readonly #path: string;
  readonly #close: () => Promise<void>;

  private constructor(path: string, close: () => Promise<void>) {
    this.#path = path;
    this.#close = close;
  }

  static async of(directory: string): Promise<ShortPath> {
    if (process.platform !== "linux") return new ShortPath(directory, () => Promise.resolve());
    const handle = await open(directory, "r");
    return new ShortPath(`/proc/self/fd/${handle.fd}`, () => handle.close());
  }

  to(name: string): string {
    return join(this.#path, name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** What cannot be told counts as alive: nothing of it is touched. */
async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    return !hasErrno(error, "ECONNREFUSED", "ENOENT");
  } finally {
    socket.destroy();
  }
}
