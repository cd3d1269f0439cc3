import { SandboxError } from "@carrel/backend-protocol";
import type { SessionStore } from "../src/session-store.ts";

/** A way to a store that can break; the store itself goes on. */
export interface BreakableStore {
  store: SessionStore;
  /**
   * `up`; `down`: every call fails; `silent`: none is ever answered, as towards a process that was
   * killed; `answers-lost`: calls take effect, and then fail.
   */
  state: "up" | "down" | "silent" | "answers-lost";
  /** Names of the methods that were called, in order. */
  calls: string[];
}

export function breakable(store: SessionStore): BreakableStore {
  const failure = (): SandboxError =>
    new SandboxError({ code: "unavailable", message: "The store is down on purpose." });
  const result: BreakableStore = {
    state: "up",
    calls: [],
    store: new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return async (...values: unknown[]): Promise<unknown> => {
          result.calls.push(String(name));
          if (result.state === "silent") return new Promise(() => {});
          if (result.state === "down") throw failure();
          const answer: unknown = await Reflect.apply(value, target, values);
          if (result.state === "answers-lost") throw failure();
          return answer;
        };
      },
    }),
  };
  return result;
}

/** A way to a database that is put back to another state while it is used. */
export function swappable(first: SessionStore): { store: SessionStore; current: SessionStore } {
  const result = {
    current: first,
    store: new Proxy(first, {
      get: (_target, name) => {
        const { current } = result;
        const value: unknown = Reflect.get(current, name, current);
        return typeof value === "function" ? (value.bind(current) as unknown) : value;
      },
    }),
  };
  return result;
}
