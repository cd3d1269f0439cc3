import { callsOf, groupByFile, latestEffectMs, succeeded, tell } from "./call-queries.ts";
import type { CallOf } from "./call-queries.ts";
import type { Call, Violation } from "./history.ts";

type Write = CallOf<"write">;
type Read = CallOf<"read">;

/**
 * Each file is a register: a read sees what a write wrote that began before the read ended, and that
 * no later write, answered before the read began, replaced. Texts must be unique in a history.
 */
export function checkContents(calls: readonly Call[]): Violation[] {
  const writes = callsOf(calls, "write");
  const author = new Map(writes.map((write) => [write.operation.text, write]));
  return groupByFile(callsOf(calls, "write", "read")).flatMap((file) => {
    const own = callsOf(file, "write");
    return callsOf(file, "read")
      .filter(succeeded)
      .map((read) => checkRead(read, own, author))
      .filter((violation) => violation !== null);
  });
}

function checkRead(
  read: Read,
  writes: readonly Write[],
  author: ReadonlyMap<string, Write>,
): Violation | null {
  const text = read.result.kind === "ok" ? read.result.value : null;
  const { key } = read;
  if (typeof text === "string") {
    const write = author.get(text);
    if (!write) return mixed(read, `saw ${shown(text)}, which nobody wrote`);
    if (!writes.includes(write)) {
      return mixed(read, `saw ${shown(text)}, which ${tell(write)} wrote for ${write.key}`);
    }
    if (write.startedAtMs > (read.endedAtMs ?? Infinity)) {
      return mixed(read, `saw ${shown(text)} before ${tell(write)} wrote it`);
    }
  }
  const seen = typeof text === "string" ? author.get(text) : undefined;
  const seenBy = seen ? latestEffectMs(seen) : -Infinity;
  const lost = writes.find(
    (later) => seenBy < later.startedAtMs && latestEffectMs(later) < read.startedAtMs,
  );
  if (!lost) return null;
  const what = text === null ? "found nothing" : `saw ${shown(String(text))}`;
  const message = `${tell(read)} ${what}, though ${tell(lost)} was acknowledged before.`;
  return { rule: "nothing-lost", key, message };
}

function mixed(read: Read, what: string): Violation {
  return { rule: "nothing-mixed", key: read.key, message: `${tell(read)} ${what}.` };
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
