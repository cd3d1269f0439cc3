import { SandboxError } from "@carrel/backend-protocol";
import type { ManagedSandbox, SandboxProvider } from "@carrel/backend-protocol";

/** An object that behaves like `target`, but for some members. */
export function override<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(object, name) {
      if (Object.hasOwn(members, name)) return Reflect.get(members, name) as unknown;
      const value: unknown = Reflect.get(object, name, object);
      return typeof value === "function" ? (value.bind(object) as unknown) : value;
    },
  });
}

/** A provider whose sandboxes behave like those of another one, but for some members. */
export function withSandboxes(
  provider: SandboxProvider,
  members: (sandbox: ManagedSandbox) => Partial<ManagedSandbox>,
): SandboxProvider {
  const wrap = (sandbox: ManagedSandbox): ManagedSandbox => override(sandbox, members(sandbox));
  return override(provider, {
    create: async (key, options) => wrap(await provider.create(key, options)),
    find: async (key, options) => {
      const sandbox = await provider.find(key, options);
      return sandbox && wrap(sandbox);
    },
  });
}

/** Fails so often, then works. */
export class Fault {
  remaining: number;

  constructor(times: number) {
    this.remaining = times;
  }

  strike(what: string): void {
    if (this.remaining === 0) return;
    this.remaining -= 1;
    throw new SandboxError({ code: "unavailable", message: `${what} fails on purpose.` });
  }
}

/** `create` fails so often. */
export function failsToStart(provider: SandboxProvider, fault: Fault): SandboxProvider {
  return override(provider, {
    create: async (key, options) => {
      fault.strike("create");
      return provider.create(key, options);
    },
  });
}

/** Where work waits until it is let on. */
export class Gate {
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();

  /** Resolves when somebody waits or has waited here. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  pass(): Promise<void> {
    this.#reached.resolve();
    return this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }
}

/** `create` answers never, whatever its signal says. */
export function neverStarts(provider: SandboxProvider): SandboxProvider {
  return override(provider, { create: () => new Promise(() => {}) });
}

/** `create` makes a sandbox once `gate` opens, whatever its signal says. */
export function startsBehind(provider: SandboxProvider, gate: Gate): SandboxProvider {
  return override(provider, {
    create: async (key) => {
      await gate.pass();
      return provider.create(key);
    },
  });
}

/** `stop` fails so often. */
export function failsToStop(provider: SandboxProvider, fault: Fault): SandboxProvider {
  return withSandboxes(provider, (sandbox) => ({
    stop: async (options) => {
      fault.strike("stop");
      return sandbox.stop(options);
    },
  }));
}

/** `stop` stops once `gate` opens, whatever its signal says. */
export function stopsBehind(provider: SandboxProvider, gate: Gate): SandboxProvider {
  return withSandboxes(provider, (sandbox) => ({
    stop: async () => {
      await gate.pass();
      return sandbox.stop();
    },
  }));
}

/** `resume` wakes the sandbox and then fails, so often. */
export function failsAfterResuming(provider: SandboxProvider, fault: Fault): SandboxProvider {
  return withSandboxes(provider, (sandbox) => ({
    resume: async (options) => {
      await sandbox.resume(options);
      fault.strike("resume");
    },
  }));
}
