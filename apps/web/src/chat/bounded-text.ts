export interface BoundedText {
  text: string;
  /** Lines that were left out at the side that was not kept. */
  hiddenLines: number;
}

/** The first or last lines of a text. */
export function boundLines(text: string, maxLines: number, keep: "start" | "end"): BoundedText {
  const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
  const hiddenLines = Math.max(0, lines.length - maxLines);
  if (hiddenLines === 0) return { text, hiddenLines };
  const kept = keep === "start" ? lines.slice(0, maxLines) : lines.slice(hiddenLines);
  return { text: kept.join("\n"), hiddenLines };
}
