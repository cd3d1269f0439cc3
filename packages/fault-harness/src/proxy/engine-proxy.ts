import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../random.ts";
import type { Fault, FaultRule, Flow } from "./fault.ts";
import { FaultPlan } from "./fault-plan.ts";
import { ProxyConnection } from "./proxy-connection.ts";

export interface EngineProxyOptions {
  /** The engine's socket. @default "/var/run/docker.sock" */
  enginePath?: string;
  /** Of what is left to chance. @default 1 */
  seed?: number;
}

/** What passed so far. */
export interface ProxyStatistics {
  /** Calls begun, by name. */
  calls: ReadonlyMap<string, number>;
  callCount: number;
  bytes: Readonly<Record<Flow, number>>;
  /** Faults that calls were given, by kind. */
  faults: ReadonlyMap<Fault["kind"], number>;
  /** Open now. */
  connectionCount: number;
}

const MAX_CONNECTIONS = 1024;

/**
 * A socket in front of the engine's that behaves like the engine until it is told not to. It holds a
 * few pieces of 64 KiB per connection, whatever passes.
 */
export class EngineProxy implements AsyncDisposable {
  readonly #directory: string;
  readonly #enginePath: string;
  readonly #plan: FaultPlan;
  readonly #connections = new Set<ProxyConnection>();
  readonly #calls = new Map<string, number>();
  readonly #faults = new Map<Fault["kind"], number>();
  readonly #bytes: Record<Flow, number> = {
    request: 0,
    answer: 0,
    "to-sandbox": 0,
    "from-sandbox": 0,
  };
  #callCount = 0;
  #server: Server | null = null;

  private constructor(directory: string, { enginePath, seed = 1 }: EngineProxyOptions) {
    this.#directory = directory;
    this.#enginePath = enginePath ?? "/var/run/docker.sock";
    this.#plan = new FaultPlan(new Random(seed));
  }

  static async start(options: EngineProxyOptions = {}): Promise<EngineProxy> {
    const proxy = new EngineProxy(await mkdtemp(join(tmpdir(), "carrel-proxy-")), options);
    await proxy.#listen();
    return proxy;
  }

  get socketPath(): string {
    return join(this.#directory, "engine.sock");
  }

  /** In the form of `DOCKER_HOST`. */
  get host(): string {
    return `unix://${this.socketPath}`;
  }

  get statistics(): ProxyStatistics {
    return {
      calls: new Map(this.#calls),
      callCount: this.#callCount,
      bytes: { ...this.#bytes },
      faults: new Map(this.#faults),
      connectionCount: this.#connections.size,
    };
  }

  /** From the next call on. @returns ends the rule, not a fault that is under way */
  inject(rule: FaultRule): Disposable {
    return this.#plan.add(rule);
  }

  /** Break off all connections that are open now, amid whatever they carry. */
  cutAll(): void {
    for (const connection of this.#connections) connection.close();
  }

  /**
   * Be an engine that was killed: break off all connections and refuse new ones until the returned
   * object is disposed of.
   */
  async refuse(): Promise<AsyncDisposable> {
    await this.#stop();
    // What is no socket refuses connections as a socket does that nobody listens on.
    await writeFile(this.socketPath, "");
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#server) return;
        await rm(this.socketPath, { force: true });
        await this.#listen();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    server.maxConnections = MAX_CONNECTIONS;
    this.#server = server;
    server.listen(this.socketPath);
    await once(server, "listening");
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    const closed = once(server, "close");
    server.close();
    this.cutAll();
    await closed;
  }

  #accept(socket: Socket): void {
    const connection = new ProxyConnection(
      {
        enginePath: this.#enginePath,
        begin: (call) => this.#begin(call),
        passed: (flow, bytes) => void (this.#bytes[flow] += bytes),
      },
      socket,
    );
    this.#connections.add(connection);
    void connection.run().then(() => this.#connections.delete(connection));
  }

  #begin(call: string): Fault | null {
    this.#callCount++;
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
    const fault = this.#plan.faultFor(call);
    if (fault) this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
    return fault;
  }
}
