import { describe, expect, expectTypeOf, it } from "vitest";
import type { ManagedSandbox } from "./managed-sandbox.ts";
import { narrowSandbox } from "./narrow-sandbox.ts";
import type { Sandbox } from "./sandbox.ts";

const LIFECYCLE = ["key", "status", "usage", "pause", "resume", "stop", "destroy"] as const;
const OPTIONAL = ["watch", "openTerminal", "connect"] as const;

interface Call {
  method: string;
  args: unknown[];
  self: unknown;
}

/** A sandbox whose every method tells what it was called with. */
function recordingSandbox(absent: readonly string[] = []): {
  managed: ManagedSandbox;
  calls: Call[];
} {
  const calls: Call[] = [];
  const fields: Partial<ManagedSandbox> = { id: "sandbox-1", key: "user", workDir: "/workspace" };
  const managed = new Proxy(fields as ManagedSandbox, {
    get(target, property, receiver) {
      const field: unknown = Reflect.get(target, property);
      if (field !== undefined || typeof property === "symbol") return field;
      if (absent.includes(property)) return undefined;
      return function record(this: unknown, ...args: unknown[]) {
        calls.push({ method: property, args, self: this === receiver ? "managed" : this });
        return property;
      };
    },
  });
  return { managed, calls };
}

describe("narrowSandbox", () => {
  it("has no lifecycle at run time", () => {
    const narrowed = narrowSandbox(recordingSandbox().managed);
    for (const member of LIFECYCLE) expect(member in narrowed).toBe(false);
    expect(Symbol.asyncDispose in narrowed).toBe(false);
  });

  it("leads back to the wider sandbox by no property", () => {
    const { managed } = recordingSandbox();
    const narrowed = narrowSandbox(managed);
    expect(Object.getPrototypeOf(narrowed)).toBe(Object.prototype);
    expect(Reflect.ownKeys(narrowed).map((key) => Reflect.get(narrowed, key))).not.toContain(
      managed,
    );
  });

  it("has no lifecycle in its type", () => {
    expectTypeOf(narrowSandbox).returns.toEqualTypeOf<Sandbox>();
    expectTypeOf<Sandbox>().not.toExtend<ManagedSandbox>();
    for (const member of LIFECYCLE) expectTypeOf<Sandbox>().not.toHaveProperty(member);
    expectTypeOf<Sandbox>().not.toExtend<AsyncDisposable>();
    expectTypeOf<ManagedSandbox>().toExtend<Sandbox>();
  });

  it("passes every call on with all its arguments", () => {
    const { managed, calls } = recordingSandbox();
    const narrowed = narrowSandbox(managed);
    const methods = Object.entries(narrowed).filter(([, value]) => typeof value === "function");
    expect(methods).toHaveLength(20);
    for (const [method, call] of methods) {
      // The options stand last: a wrapper that forgets them drops the signal.
      const args = ["a", "b", "c", { signal: undefined }].slice(-call.length || -2);
      expect(Reflect.apply(call, narrowed, args)).toBe(method);
      expect(calls.at(-1)).toEqual({ method, args, self: "managed" });
    }
  });

  it("tells what the sandbox is", () => {
    const narrowed = narrowSandbox(recordingSandbox().managed);
    expect(narrowed.id).toBe("sandbox-1");
    expect(narrowed.workDir).toBe("/workspace");
  });

  it("works without being bound", () => {
    const { managed, calls } = recordingSandbox();
    const { read, watch } = narrowSandbox(managed);
    void read("file");
    watch?.("folder");
    expect(calls.map(({ method, self }) => [method, self])).toEqual([
      ["read", "managed"],
      ["watch", "managed"],
    ]);
  });

  it("lacks what the sandbox lacks", () => {
    const narrowed = narrowSandbox(recordingSandbox(OPTIONAL).managed);
    for (const member of OPTIONAL) expect(member in narrowed).toBe(false);
  });
});
