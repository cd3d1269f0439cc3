import { MemoryBudget } from "@carrel/backend-protocol";

/**
 * What one sandbox may hold in this process's memory: the most output that a command may write, 64 MiB,
 * with as much for everything else.
 */
const MEMORY_BYTES = 128 * 1024 * 1024;

/** A sandbox's own budget, as a part of that one. */
export function budgetIn(parent: MemoryBudget | undefined): MemoryBudget {
  return new MemoryBudget({
    name: "The sandbox",
    limitBytes: MEMORY_BYTES,
    ...(parent && { parent }),
  });
}
