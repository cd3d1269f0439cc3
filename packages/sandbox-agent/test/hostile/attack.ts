import { setTimeout as sleep } from "node:timers/promises";
import { SandboxError } from "@carrel/backend-protocol";
import type { Sandbox } from "@carrel/backend-protocol";
import { EVERY_CALL } from "./every-call.ts";
import type { HostileCall } from "./every-call.ts";
import { Impersonator } from "./impersonator.ts";
import type { Script } from "./impersonator.ts";

/** How soon a call that was given up has failed. */
const LET_GO_MS = 3000;
/** How soon a call settles that the impersonator has answered, also where the machine is busy. */
const AWAITED_MS = 15_000;
const LOOK_MS = 100;
/** How soon all calls have ended once their sandbox has. */
const END_MS = 5000;

/** What came of one call. */
export type Settled = { value: unknown } | { code: string } | { broken: string };

export interface AttackReport {
  /** By the name of the call. */
  settled: ReadonlyMap<string, Settled>;
  /** What must not be: each one is a fault. */
  faults: readonly string[];
}

export interface AttackOptions {
  /** How long callers wait for the impersonator before they give up. @default 400 */
  patienceMs?: number;
  /** Calls that are not given up before they have settled, or should have. */
  awaited?: readonly string[];
  /** Of each kind of call. @default 1 */
  timesEach?: number;
}

/** Make every call to an impersonating agent, all at the same time, and give up after a while. */
export async function attack(
  script: Script,
  { timesEach = 1, patienceMs = 400, awaited = [] }: AttackOptions = {},
): Promise<AttackReport> {
  const settled = new Map<string, Settled>();
  const faults: string[] = [];
  const pending = new Set<string>();
  const given = new AbortController();
  const impersonator = new Impersonator(script);
  const all = Object.entries(EVERY_CALL).flatMap(([kind, call]) =>
    Array.from({ length: timesEach }, async (_, index) => {
      const name = index === 0 ? kind : `${kind} ${index}`;
      pending.add(name);
      const came = await settle(call, impersonator.sandbox, given.signal);
      pending.delete(name);
      settled.set(name, came);
      if ("broken" in came) faults.push(`${name}: ${came.broken}`);
    }),
  );
  const allSettled = Promise.all(all);
  await Promise.race([allSettled, sleep(patienceMs)]);
  for (let passedMs = 0; passedMs < AWAITED_MS; passedMs += LOOK_MS) {
    if (!awaited.some((name) => pending.has(name))) break;
    await sleep(LOOK_MS);
  }
  given.abort();
  const ownDeadline = (name: string): boolean =>
    EVERY_CALL[name.replace(/ \d+$/, "")]?.stopsProcess === true;
  for (let passedMs = 0; passedMs < LET_GO_MS; passedMs += LOOK_MS) {
    await Promise.race([allSettled, sleep(LOOK_MS)]);
    if ([...pending].every(ownDeadline)) break;
  }
  for (const name of pending) {
    if (!ownDeadline(name)) faults.push(`${name}: goes on ${LET_GO_MS} ms after it was given up`);
  }
  await impersonator[Symbol.asyncDispose]();
  await Promise.race([allSettled, sleep(END_MS)]);
  for (const name of pending) faults.push(`${name}: goes on though its sandbox ended`);
  return { settled, faults };
}

async function settle(
  { make, value: schema }: HostileCall,
  sandbox: Required<Sandbox>,
  signal: AbortSignal,
): Promise<Settled> {
  try {
    const value = await make(sandbox, signal);
    const parsed = schema.safeParse(value);
    if (parsed.success) return { value };
    return { broken: `gave ${shortened(JSON.stringify(value))}, which no sandbox can` };
  } catch (error) {
    if (SandboxError.isInstance(error) && error.message.length < 10_000) {
      return { code: error.code };
    }
    return { broken: `failed with ${shortened(String(error))}` };
  }
}

function shortened(text: string | undefined): string {
  return (text ?? "nothing").slice(0, 300);
}
