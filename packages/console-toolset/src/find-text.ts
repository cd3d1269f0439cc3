const LINE_FEED = 0x0a;

export interface TextOccurrences {
  total: number;
  /** The numbers of the lines, from 1, on which the first of them begin. */
  lines: number[];
}

/** Where a text occurs. Of occurrences that overlap the first counts. */
export function findText(content: Uint8Array, text: string, maxLines: number): TextOccurrences {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const wanted = Buffer.from(text, "utf8");
  const lines: number[] = [];
  let total = 0;
  let line = 1;
  let passed = 0;
  let found = bytes.indexOf(wanted);
  while (found !== -1) {
    for (; passed < found; passed++) if (bytes[passed] === LINE_FEED) line++;
    if (++total <= maxLines) lines.push(line);
    found = bytes.indexOf(wanted, found + wanted.length);
  }
  return { total, lines };
}
