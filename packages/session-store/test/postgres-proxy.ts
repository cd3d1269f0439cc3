import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

const DEFAULT_PORT = "5432";

/** What stands between a store and its server, and can fail as the network between them, or the server. */
export interface PostgresProxy extends AsyncDisposable {
  url: string;
  /** Cut all connections. */
  cut(): void;
  /** Accept no more, and cut those that there are. */
  goDown(): Promise<void>;
  comeUp(): Promise<void>;
  /** Pass nothing on any more, of the connections that there are. */
  swallow(): void;
}

export async function createPostgresProxy(url: string): Promise<PostgresProxy> {
  const directory = await temporaryDirectory();
  const path = join(directory.path, `.s.PGSQL.${DEFAULT_PORT}`);
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connectTo(new URL(url));
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        for (const each of pair) each.destroy();
        pairs.delete(pair);
      });
    }
    client.pipe(upstream).pipe(client);
  });
  const cut = (): void => {
    for (const [client] of pairs) client.destroy();
  };
  const comeUp = async (): Promise<void> => {
    await once(server.listen(path), "listening");
  };
  const goDown = async (): Promise<void> => {
    const closed = once(server.close(), "close");
    cut();
    await closed;
  };
  await comeUp();
  return {
    url: Object.assign(new URL(url), { host: encodeURIComponent(directory.path) }).href,
    cut,
    goDown,
    comeUp,
    swallow() {
      for (const [client] of pairs) client.unpipe().resume();
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await goDown();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function connectTo({ hostname, port }: URL): Socket {
  const host = decodeURIComponent(hostname);
  const number = port || DEFAULT_PORT;
  if (host.startsWith("/")) return connect(join(host, `.s.PGSQL.${number}`));
  return connect(Number(number), host);
}
