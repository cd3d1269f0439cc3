import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";
import type { EngineOptions } from "./engine.ts";

type Kind = "string" | "boolean" | "number" | "object";

const KNOWN: Readonly<Record<keyof EngineOptions, Kind>> = {
  host: "string",
  certificates: "string",
  allowPlainTcp: "boolean",
  timeoutMs: "number",
  signal: "object",
};
/** What a timer can wait for. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Options also come from configuration files, where types hold nothing. @throws `invalid-argument` */
export function checkEngineOptions(engine: unknown): void {
  if (engine === undefined) return;
  if (typeof engine !== "object" || engine === null) {
    throw invalid(
      `engine must be an object such as { host: "unix:///var/run/docker.sock" }, not ${shown(engine)}.`,
    );
  }
  for (const [name, value] of Object.entries(engine)) {
    const kind = Object.hasOwn(KNOWN, name) ? KNOWN[name as keyof EngineOptions] : null;
    if (kind === null) throw invalid(`There is no option engine.${name.slice(0, 200)}.`);
    if (value === undefined || typeof value === kind) continue;
    throw invalid(`engine.${name} must be a ${kind}, not ${shown(value)}.`);
  }
  const { timeoutMs } = engine as EngineOptions;
  if (timeoutMs === undefined) return;
  requireWholeNumber("engine.timeoutMs", timeoutMs, { minimum: 1, maximum: MAX_TIMEOUT_MS });
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}

function invalid(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}
