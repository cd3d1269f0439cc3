import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** The tests of the agent itself are written in Go; here each of them counts as one. */

const SOURCES = fileURLToPath(new URL("../agent", import.meta.url));
const GO = process.env.CARREL_GO;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const TIMEOUT = "8m";

/** One line of what `go test -json` prints: https://pkg.go.dev/cmd/test2json. */
interface GoEvent {
  Action: "start" | "run" | "pause" | "cont" | "output" | "bench" | "pass" | "fail" | "skip";
  Package: string;
  /** Absent where the event is about the whole package. */
  Test?: string;
  Output?: string;
}

// The race detector is C.
const raceDetector =
  process.platform === "linux" && ["/usr/bin/gcc", "/usr/bin/cc"].some(existsSync);

if (GO === undefined && process.env.CI) throw new Error("CARREL_GO names no Go: run `npm test`.");

describe.skipIf(GO === undefined)("the agent's own tests", () => {
  if (GO === undefined) return;
  const go = (...args: string[]) =>
    spawnSync(GO, args, {
      cwd: SOURCES,
      encoding: "utf8",
      env: { ...process.env, CGO_ENABLED: raceDetector ? "1" : "0" },
      maxBuffer: MAX_OUTPUT_BYTES,
    });

  const flags = ["-json", "-timeout", TIMEOUT, ...(raceDetector ? ["-race"] : [])];
  const { stdout, stderr } = go("test", ...flags, "./...");
  const events = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as GoEvent);

  it("are there", () => {
    expect(events.filter(({ Test }) => Test !== undefined).length, stderr).toBeGreaterThan(50);
  });

  it("find nothing that go vet complains about", () => {
    const { status, stderr: complaints } = go("vet", "./...");
    expect(status, complaints).toBe(0);
  });

  for (const { Package, Test, Action } of events.filter(isEnd)) {
    const name = Test === undefined ? `${Package}: as a whole` : `${Package}: ${Test}`;
    it.skipIf(Action === "skip")(name, () => {
      expect(Action, outputOf(events, { Package, Test })).toBe("pass");
    });
  }
});

/** A test's end; a package's only where it failed without any test of its own failing. */
function isEnd({ Action, Test }: GoEvent): boolean {
  return Action === "fail" || (Test !== undefined && (Action === "pass" || Action === "skip"));
}

function outputOf(
  events: readonly GoEvent[],
  { Package, Test }: { Package: string; Test: string | undefined },
): string {
  return events
    .filter((event) => event.Package === Package && (Test === undefined || event.Test === Test))
    .map(({ Output }) => Output ?? "")
    .join("");
}
