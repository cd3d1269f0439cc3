import type { SandboxProvider } from "@carrel/backend-protocol";
import { MemorySessionStore } from "../src/memory-session-store.ts";
import { SessionManager } from "../src/session-manager.ts";
import type { SessionManagerOptions } from "../src/session-manager-options.ts";
import type { SessionEvent } from "../src/session-events.ts";
import { FakeProvider } from "./fake-provider.ts";
import { breakable } from "./store-doubles.ts";
import type { BreakableStore } from "./store-doubles.ts";
import { ManualClock } from "./test-manager.ts";

/** One server of an installation. */
export interface Server {
  manager: SessionManager;
  store: BreakableStore;
  events: SessionEvent[];
  /** Rejects when it is killed. */
  died: Promise<never>;
  /** End as by SIGKILL: nothing of it reaches the store or the engine any more. */
  kill(): void;
}

/** What callers of a server get that is killed. */
export class KilledError extends Error {}

/** An engine, a store, and as many servers as a test starts. Time passes when the test says so. */
export class Installation implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock();
  readonly provider: FakeProvider = new FakeProvider();
  readonly #startedAt = Date.now();
  readonly store: MemorySessionStore = new MemorySessionStore({
    now: () => this.#startedAt + this.clock.now(),
  });
  readonly #servers: Server[] = [];
  readonly #killed = new Set<Server>();

  start(options: Omit<SessionManagerOptions, "provider" | "store" | "clock"> = {}): Server {
    const store = breakable(this.store);
    let dead = false;
    const provider: SandboxProvider = new Proxy(this.provider, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...values: unknown[]): unknown =>
          dead ? new Promise(() => {}) : Reflect.apply(value, target, values);
      },
    });
    const manager = new SessionManager({
      provider,
      store: store.store,
      clock: this.clock,
      ...options,
    });
    const events: SessionEvent[] = [];
    manager.subscribe((event) => void events.push(event));
    const death = Promise.withResolvers<never>();
    death.promise.catch(() => undefined);
    const server: Server = {
      manager,
      died: death.promise,
      store,
      events,
      kill: () => {
        dead = true;
        store.state = "silent";
        this.#killed.add(server);
        death.reject(new KilledError());
      },
    };
    this.#servers.push(server);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const living = this.#servers.filter((server) => !this.#killed.has(server));
    await Promise.all(
      living.map(({ manager, store }) => {
        store.state = "up";
        return manager.shutdown();
      }),
    );
  }
}
