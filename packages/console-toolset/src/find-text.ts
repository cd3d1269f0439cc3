import { positionsOf } from "@carrel/backend-protocol";

const LINE_FEED = 0x0a;

export interface TextOccurrences {
  total: number;
  /** The numbers of the lines, from 1, on which the first of them begin. */
  lines: number[];
}

/** Where a text occurs. Of occurrences that overlap the first counts. */
export function findText(content: Uint8Array, text: string, maxLines: number): TextOccurrences {
  const lines: number[] = [];
  let total = 0;
  let line = 1;
  let passed = 0;
  for (const found of positionsOf(content, Buffer.from(text, "utf8"))) {
    for (; passed < found; passed++) if (content[passed] === LINE_FEED) line++;
    if (++total <= maxLines) lines.push(line);
  }
  return { total, lines };
}
