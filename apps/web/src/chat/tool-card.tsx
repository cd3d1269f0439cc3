import { memo, useId, useState } from "react";
import type { ReactElement } from "react";
import { formatBytes, formatDuration, countOf } from "../text/measures.ts";
import { Icon } from "../ui/icon.tsx";
import type { IconName } from "../ui/icon.tsx";
import { Spinner } from "../ui/spinner.tsx";
import { VisibleName } from "../ui/visible-text.tsx";
import type { ToolPart } from "./conversation.ts";
import "./tool-card.css";
import { ToolDetails } from "./tool-details.tsx";
import { toolArgument, toolOutcome } from "./tool-summary.ts";

const ICONS: Readonly<Record<string, IconName>> = {
  execute: "terminal",
  write_file: "plus",
  edit_file: "edit",
  read_file: "file",
  ls: "folder",
  glob: "search",
  grep: "search",
};

const OPEN_AT_FIRST = new Set(["execute", "edit_file"]);

export interface ToolCardProps {
  tool: ToolPart;
  /** The turn was stopped, and the agent said nothing after this call. */
  stopped: boolean;
  onOpenFile: (path: string) => void;
}

/** One call of a tool: what was asked on one line, what came of it below. */
export const ToolCard = memo(function ToolCard(props: ToolCardProps): ReactElement {
  const { tool, onOpenFile } = props;
  const stopped = props.stopped && tool.detail === null && tool.status !== "success";
  const failed = tool.status === "error" && !stopped;
  const [choice, setChoice] = useState<boolean | null>(null);
  const open = choice ?? (OPEN_AT_FIRST.has(tool.name) || failed);
  const bodyId = useId();
  const outcome = stopped ? ({ tone: "muted", text: "stopped" } as const) : toolOutcome(tool);
  return (
    <div
      role="group"
      className={`tool-card tool-card-${outcome.tone}`}
      data-testid="tool-card"
      data-tool={tool.name}
      data-status={tool.status}
      aria-label={`Tool ${tool.name}`}
    >
      <button
        type="button"
        className="tool-head"
        aria-expanded={open}
        aria-controls={bodyId}
        onClick={() => setChoice(!open)}
      >
        <Icon name={ICONS[tool.name] ?? "tool"} />
        <span className="tool-name">
          <VisibleName name={tool.name} />
        </span>
        <span className="tool-argument">
          <VisibleName name={toolArgument(tool)} />
        </span>
        <ToolFacts tool={tool} />
        <span className={`badge badge-${outcome.tone}`} data-testid="tool-outcome">
          {outcome.tone === "running" && <Spinner />}
          {outcome.text}
        </span>
        <span className="tool-chevron">
          <Icon name="chevron" />
        </span>
      </button>
      <div className="tool-body" id={bodyId} hidden={!open}>
        {open && <ToolDetails tool={tool} stopped={stopped} onOpenFile={onOpenFile} />}
      </div>
    </div>
  );
});

function ToolFacts({ tool: { detail } }: { tool: ToolPart }): ReactElement | null {
  if (detail?.kind === "command") {
    return <span className="tool-facts">{formatDuration(detail.duration_ms)}</span>;
  }
  if (detail?.kind === "write") {
    const facts = `${countOf(detail.line_count, "line")}, ${formatBytes(detail.size)}`;
    return <span className="tool-facts">{facts}</span>;
  }
  return null;
}
