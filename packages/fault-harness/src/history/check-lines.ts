import { callsOf, groupByFile, latestEffectMs, succeeded, tell } from "./call-queries.ts";
import type { CallOf } from "./call-queries.ts";
import type { Call, Violation } from "./history.ts";

type Append = CallOf<"append">;
type Lines = CallOf<"lines">;

/**
 * A command that was acknowledged was done once; one that failed was done once or never, and never
 * twice by somebody's retry. Texts must be unique in a history.
 */
export function checkLines(calls: readonly Call[]): Violation[] {
  return groupByFile(callsOf(calls, "append", "lines")).flatMap((file) => {
    const appends = callsOf(file, "append");
    return callsOf(file, "lines")
      .filter(succeeded)
      .flatMap((read) => checkRead(read, appends));
  });
}

function checkRead(read: Lines, appends: readonly Append[]): Violation[] {
  const { key, result } = read;
  const lines = result.kind === "ok" && Array.isArray(result.value) ? result.value.map(String) : [];
  const seen = new Map<string, number>();
  for (const line of lines) seen.set(line, (seen.get(line) ?? 0) + 1);
  const known = new Set(appends.map(({ operation }) => operation.text));
  const foreign = [...seen.keys()].filter((line) => !known.has(line));
  const twice = appends.filter(({ operation }) => (seen.get(operation.text) ?? 0) > 1);
  const lost = appends.filter(
    (append) => latestEffectMs(append) < read.startedAtMs && !seen.has(append.operation.text),
  );
  const say = (rule: Violation["rule"], what: string): Violation => ({
    rule,
    key,
    message: `${tell(read)} ${what}.`,
  });
  return [
    ...foreign.map((line) =>
      say("nothing-mixed", `saw the line ${JSON.stringify(line)}, of nobody here`),
    ),
    ...twice.map((append) =>
      say("done-once", `saw ${seen.get(append.operation.text)} times what ${tell(append)} did`),
    ),
    ...lost.map((append) =>
      say("nothing-lost", `did not see what ${tell(append)} did, which was acknowledged`),
    ),
  ];
}
