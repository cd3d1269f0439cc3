import type { SessionStore } from "@carrel/session-manager";

/** Those that write nothing, or almost never: nobody asks for room where no ceiling is near. */
const READS: ReadonlySet<string | symbol> = new Set<keyof SessionStore>([
  "get",
  "list",
  "count",
  "workspace",
  "unusedWorkspaces",
  "events",
  "takeRoomRequest",
]);

export interface KillingStoreOptions {
  nth: number;
  when: "before" | "after";
  /** Never returns. */
  kill: () => void;
}

/** The store, in a process that ends at its n-th write. */
export function killingStore(
  store: SessionStore,
  { nth, when, kill }: KillingStoreOptions,
): SessionStore {
  let writes = 0;
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      // A function of its own, since `await using` does not take a bound one.
      const method = (...input: unknown[]): Promise<unknown> =>
        Reflect.apply(member, target, input) as Promise<unknown>;
      if (typeof name === "symbol" || READS.has(name)) return method;
      return async (...input: unknown[]): Promise<unknown> => {
        const chosen = ++writes === nth;
        if (chosen && when === "before") kill();
        const result = await method(...input);
        if (chosen) kill();
        return result;
      };
    },
  });
}
