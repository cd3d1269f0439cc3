import type { ReactElement } from "react";
import { Icon } from "../ui/icon.tsx";
import type { ToolPart } from "./conversation.ts";
import { EditDiff } from "./edit-diff.tsx";
import { LongText } from "./long-text.tsx";

/** A command that fits the line of the card's head is not repeated below it. */
const HEAD_FITS = 60;

export interface ToolDetailsProps {
  tool: ToolPart;
  /** It has no result because the turn was stopped. */
  stopped: boolean;
  onOpenFile: (path: string) => void;
}

/** What a call was given and what came of it. */
export function ToolDetails({ tool, stopped, onOpenFile }: ToolDetailsProps): ReactElement {
  const { name, args, status, detail, content } = tool;
  const command = args["command"];
  const written = args["content"];
  if (stopped) return <StoppedDetails tool={tool} />;
  if (status === "error" && content !== "" && detail === null) {
    return (
      <div className="tool-error">
        {tool.liveOutput !== "" && (
          <LongText text={tool.liveOutput} keep="end" label="Output" terminal />
        )}
        <LongText text={content} keep="start" label="Error" />
      </div>
    );
  }
  if (name === "execute" && typeof command === "string") {
    return <CommandDetails tool={tool} command={command} />;
  }
  if (detail?.kind === "edit") {
    return (
      <>
        <EditDiff
          oldText={detail.old_text}
          newText={detail.new_text}
          firstLine={detail.first_line}
        />
        <OpenFile path={detail.path} onOpenFile={onOpenFile} />
      </>
    );
  }
  if (name === "write_file" && typeof written === "string") {
    return (
      <>
        <LongText text={written} keep="start" label="Content" />
        {detail?.kind === "write" && <OpenFile path={detail.path} onOpenFile={onOpenFile} />}
      </>
    );
  }
  if (status === "running") return <p className="muted more">Running…</p>;
  if (content === "") return <p className="muted more">No result.</p>;
  return <LongText text={content} keep="start" label="Result" />;
}

// Why there is no result is written for the model; the person knows it.
function StoppedDetails({ tool }: { tool: ToolPart }): ReactElement {
  return tool.liveOutput === "" ? (
    <p className="muted more">Stopped before it had a result.</p>
  ) : (
    <LongText text={tool.liveOutput} keep="end" label="Output" terminal />
  );
}

function CommandDetails({ tool, command }: { tool: ToolPart; command: string }): ReactElement {
  const { status, detail, content, liveOutput, liveOutputCut } = tool;
  const result = detail?.kind === "command" ? detail : null;
  const output = result?.output ?? (liveOutput === "" ? content : liveOutput);
  return (
    <>
      {(command.length > HEAD_FITS || command.includes("\n")) && (
        <LongText text={command} keep="start" label="Command" />
      )}
      {result === null && liveOutputCut && (
        <p className="muted more">The beginning of the output is not shown.</p>
      )}
      {output === "" ? (
        <p className="muted more">{status === "running" ? "No output yet." : "No output."}</p>
      ) : (
        <LongText text={output} keep="end" label="Output" terminal />
      )}
      {result?.truncated === true && (
        <p className="muted more">The command wrote more than is kept: the output was cut.</p>
      )}
    </>
  );
}

function OpenFile({
  path,
  onOpenFile,
}: {
  path: string;
  onOpenFile: (path: string) => void;
}): ReactElement {
  return (
    <button type="button" className="text-button more" onClick={() => onOpenFile(path)}>
      <Icon name="file" />
      Open file
    </button>
  );
}
