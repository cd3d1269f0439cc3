import { setTimeout as delay } from "node:timers/promises";
import type { Deadline } from "./deadline.ts";

/** Wait so long within a deadline. @throws the deadline's reason where that comes first */
export function pause(deadline: Deadline, milliseconds: number): Promise<void> {
  return deadline.run((signal) => delay(milliseconds, undefined, { signal }));
}
