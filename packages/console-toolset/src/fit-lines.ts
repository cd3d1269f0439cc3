/** As many of the lines as fit, at least one, and how many are left. */
export function fitLines(
  lines: readonly string[],
  maxCharacters: number,
): { shown: string[]; left: number } {
  let characters = 0;
  const tooMuch = lines.findIndex((line) => (characters += line.length + 1) > maxCharacters);
  const count = tooMuch === -1 ? lines.length : Math.max(1, tooMuch);
  return { shown: lines.slice(0, count), left: lines.length - count };
}
