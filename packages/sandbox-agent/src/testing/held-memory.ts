import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How many bytes of buffers something holds that is made here. */
export function heldBufferBytes(make: () => unknown): number {
  const before = bufferBytes();
  const made = make();
  const held = bufferBytes() - before;
  // Until here it is in use.
  if (made === undefined) throw new Error("Nothing was made that could hold memory.");
  return held;
}

function bufferBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What one finds is given back by a thread of its own, for which the next one waits.
  for (let times = 0; times < 3; times++) collect();
  return process.memoryUsage().arrayBuffers;
}

/** How many bytes of this process are in use, objects and buffers together. */
export function usedBytes(): number {
  bufferBytes();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
