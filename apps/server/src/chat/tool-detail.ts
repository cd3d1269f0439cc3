import type { ConsoleArtifact } from "@carrel/console-toolset";
import { toolDetailSchema } from "../wire/tool-detail.ts";
import type { WireToolDetail } from "../wire/tool-detail.ts";

/** What a tool's artifact is over the wire; `null` for anything but the console tools' own. */
export function toolDetail(artifact: unknown): WireToolDetail | null {
  if (!isConsoleArtifact(artifact)) return null;
  return toolDetailSchema.safeParse(wireDetail(artifact)).data ?? null;
}

// The schema looks at the rest: a tool that is not of the console's may use the same name.
function isConsoleArtifact(artifact: unknown): artifact is ConsoleArtifact {
  return (
    typeof artifact === "object" &&
    artifact !== null &&
    "kind" in artifact &&
    (artifact.kind === "command" || artifact.kind === "edit" || artifact.kind === "write")
  );
}

function wireDetail(artifact: ConsoleArtifact): WireToolDetail {
  switch (artifact.kind) {
    case "command":
      return {
        kind: "command",
        command: artifact.command,
        outcome: artifact.outcome,
        exit_code: artifact.exitCode,
        signal: artifact.signal,
        output: artifact.output,
        truncated: artifact.truncated,
        duration_ms: artifact.durationMs,
      };
    case "edit":
      return {
        kind: "edit",
        path: artifact.path,
        old_text: artifact.oldText,
        new_text: artifact.newText,
        replacements: artifact.replacements,
        first_line: artifact.firstLine,
      };
    case "write":
      return {
        kind: "write",
        path: artifact.path,
        created: artifact.created,
        size: artifact.sizeBytes,
        line_count: artifact.lineCount,
      };
  }
}
