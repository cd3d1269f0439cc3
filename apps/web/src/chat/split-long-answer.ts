export interface SplitAnswer {
  formatted: string;
  /** What follows it, to be shown as it is. */
  plain: string;
  /** Characters after that. */
  dropped: number;
}

/** Formatting takes time that grows with the text; beyond this the page would stop reacting. */
const MAX_FORMATTED = 50_000;
const MAX_PLAIN = 300_000;

/** Divide an answer so that drawing it takes a bounded time however long it is. */
export function splitLongAnswer(text: string): SplitAnswer {
  if (text.length <= MAX_FORMATTED) return { formatted: text, plain: "", dropped: 0 };
  const lineEnd = text.lastIndexOf("\n", MAX_FORMATTED);
  const end = lineEnd > MAX_FORMATTED / 2 ? lineEnd : MAX_FORMATTED;
  return {
    formatted: text.slice(0, end),
    plain: text.slice(end, end + MAX_PLAIN),
    dropped: Math.max(0, text.length - end - MAX_PLAIN),
  };
}
