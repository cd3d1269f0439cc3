import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, Flow } from "./fault.ts";

/** Thrown to end a connection where a fault says so, or because one side of it ended. */
export class ConnectionOver extends Error {}

export interface PassOptions {
  flow: Flow;
  fault: Fault | null;
  /** Fires when the connection to the caller is over. */
  closed: AbortSignal;
  /** Told of all that was passed on. */
  count: (bytes: number) => void;
}

const THROTTLE_STEPS_PER_SECOND = 20;

/**
 * Pass bytes on, as far and as fast as the fault of this flow allows. Holds one piece at a time.
 * @throws ConnectionOver
 */
export async function passBytes(
  pieces: AsyncIterable<Buffer>,
  to: Socket,
  { flow, fault, closed, count }: PassOptions,
): Promise<void> {
  const own = fault && "flow" in fault && fault.flow === flow ? fault : null;
  if (own?.kind === "delay") await pause(own.delayMs, closed);
  const stop = own?.kind === "cut" || own?.kind === "hang" ? own : null;
  let leftBytes = stop?.afterBytes ?? Infinity;
  if (stop && leftBytes === 0) return giveUp(stop.kind, closed);
  for await (const piece of pieces) {
    const passed = piece.subarray(0, leftBytes);
    const bytesPerSecond = own?.kind === "throttle" ? own.bytesPerSecond : Infinity;
    await writeSlowly(passed, to, { bytesPerSecond, closed });
    count(passed.length);
    leftBytes -= passed.length;
    if (stop && leftBytes === 0) return giveUp(stop.kind, closed);
  }
}

async function giveUp(kind: "cut" | "hang", closed: AbortSignal): Promise<never> {
  if (kind === "hang") await untilClosed(closed);
  throw new ConnectionOver();
}

async function writeSlowly(
  bytes: Buffer,
  to: Socket,
  { bytesPerSecond, closed }: { bytesPerSecond: number; closed: AbortSignal },
): Promise<void> {
  if (bytesPerSecond === Infinity) return write(bytes, to);
  const stepBytes = Math.max(1, Math.floor(bytesPerSecond / THROTTLE_STEPS_PER_SECOND));
  for (let sent = 0; sent < bytes.length; sent += stepBytes) {
    const step = bytes.subarray(sent, sent + stepBytes);
    await write(step, to);
    await pause((step.length / bytesPerSecond) * 1000, closed);
  }
}

async function write(bytes: Buffer, to: Socket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    to.write(bytes, (error) => (error ? reject(new ConnectionOver()) : resolve()));
  });
}

/** @throws ConnectionOver where the connection is over before that */
async function pause(delayMs: number, closed: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal: closed });
  } catch {
    // Only the signal ends it early.
    throw new ConnectionOver();
  }
}

function untilClosed(closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (closed.aborted) resolve();
    else closed.addEventListener("abort", () => resolve(), { once: true });
  });
}
