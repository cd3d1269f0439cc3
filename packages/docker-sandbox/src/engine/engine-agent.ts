import { Agent } from "node:http";
import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { inspect } from "node:util";
import { SandboxError } from "@carrel/backend-protocol";
import type { Certificates } from "./certificates.ts";
import type { EngineAddress } from "./engine-address.ts";
import { SshConnection } from "./ssh-connection.ts";

// Requests beyond it wait their turn, inside of their own deadlines. Streams that a request was
// upgraded to do not count.
const MAX_REQUESTS = 64;
// An sshd refuses from the eleventh connection on that is not yet logged in (MaxStartups).
const MAX_SSH_REQUESTS = 8;
const MAX_IDLE_CONNECTIONS = 8;

/**
 * The pool of connections to one engine, whatever they run over. It knows every connection until
 * that is closed, those handed out as streams included, so that disposing it leaves none.
 */
export class EngineAgent extends Agent implements AsyncDisposable {
  static {
    // The client writes each request out in full, its agent included, for a log that nobody reads.
    // With all connections and all requests that wait, that takes longer than the request.
    Object.defineProperty(this.prototype, inspect.custom, { value: () => "EngineAgent" });
  }

  readonly #address: EngineAddress;
  readonly #certificates: Certificates | undefined;
  readonly #connections = new Set<Duplex>();
  #disposed = false;

  constructor(address: EngineAddress, certificates: Certificates | undefined) {
    super({
      keepAlive: true,
      maxSockets: address.kind === "ssh" ? MAX_SSH_REQUESTS : MAX_REQUESTS,
      maxFreeSockets: MAX_IDLE_CONNECTIONS,
    });
    this.#address = address;
    this.#certificates = certificates;
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** All requests share the connections, whatever their client says of host and path. */
  override getName(): string {
    return this.#address.host;
  }

  override createConnection(): Duplex {
    if (this.#disposed) throw disposed(this.#address.host);
    const connection = this.#connect();
    this.#connections.add(connection);
    connection.once("close", () => this.#connections.delete(connection));
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.destroy();
    const closed = [...this.#connections].map((connection) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      connection.once("close", () => resolve());
      connection.destroy();
      return promise;
    });
    await Promise.all(closed);
  }

  #connect(): Duplex {
    const address = this.#address;
    switch (address.kind) {
      case "unix":
        return connectSocket(address.socketPath);
      case "ssh":
        return new SshConnection(address);
      case "tcp": {
        const { hostname: host, port } = address;
        if (!address.secure) return connectSocket({ host, port, noDelay: true });
        return connectTls({ host, port, ...this.#certificates, servername: serverName(host) });
      }
    }
  }
}

// TLS has no names for addresses; Node refuses one as a server name.
function serverName(host: string): string {
  return /^[\d.]+$|:/.test(host) ? "" : host;
}

function disposed(host: string): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: `The connection to the engine at ${host} was closed here; connect again.`,
  });
}
