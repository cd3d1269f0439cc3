import type { WireCommandOutcome } from "@carrel/server";
import { countOf } from "../text/measures.ts";
import type { ToolPart } from "./conversation.ts";

const MAX_ARGUMENT = 300;

/** The argument of a call that tells a person what it is about, on one line. */
export function toolArgument({ name, args }: Pick<ToolPart, "name" | "args">): string {
  const text = (key: string) => {
    const value = args[key];
    return typeof value === "string" ? value : undefined;
  };
  const path = text("path");
  switch (name) {
    case "execute":
      return shorten((text("command") ?? "").trim().split("\n", 1)[0] ?? "");
    case "glob":
    case "grep": {
      const where = path ?? text("glob");
      return shorten([text("pattern"), where && `in ${where}`].filter(Boolean).join(" "));
    }
    case "ls":
      return shorten(path ?? ".");
    default:
      return shorten(path ?? (Object.keys(args).length === 0 ? "" : JSON.stringify(args)));
  }
}

function shorten(text: string): string {
  return text.length <= MAX_ARGUMENT ? text : `${text.slice(0, MAX_ARGUMENT)}…`;
}

export interface ToolOutcome {
  tone: "running" | "good" | "bad" | "muted";
  text: string;
}

const COMMAND_OUTCOMES: Readonly<Record<WireCommandOutcome, string>> = {
  exited: "exited",
  signaled: "killed",
  "timed-out": "timed out",
  cancelled: "stopped",
  "output-limit": "too much output",
  "out-of-memory": "out of memory",
  lost: "lost",
};

/** How a call stands, in two or three words. */
export function toolOutcome({ status, detail }: Pick<ToolPart, "status" | "detail">): ToolOutcome {
  if (status === "running") return { tone: "running", text: "running" };
  if (status === "unfinished") return { tone: "muted", text: "not finished" };
  switch (detail?.kind) {
    case "command":
      if (detail.outcome === "exited") {
        return { tone: detail.exit_code === 0 ? "good" : "bad", text: `exit ${detail.exit_code}` };
      }
      return {
        tone: detail.outcome === "cancelled" ? "muted" : "bad",
        text: (detail.outcome === "signaled" && detail.signal) || COMMAND_OUTCOMES[detail.outcome],
      };
    case "edit":
      return { tone: "good", text: countOf(detail.replacements, "replacement") };
    case "write":
      return { tone: "good", text: detail.created ? "created" : "replaced" };
    case undefined:
      return status === "error" ? { tone: "bad", text: "error" } : { tone: "good", text: "done" };
  }
}
