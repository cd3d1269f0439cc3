// What things take in memory, roughly, in bytes.
const VALUE_COST = 16;
const OBJECT_COST = 48;
const CHARACTER_COST = 2;

/** What takes less than this is written as one piece. */
const SMALL_COST: number = 32 * 1024;

/** How much of a long text is written at a time, in UTF-16 code units. */
const TEXT_STEP: number = 16 * 1024;

/** Estimates what a value of JSON takes in memory. Stops counting beyond `limit`. */
export function memoryCost(value: unknown, limit: number = Infinity): number {
  if (typeof value === "string") return VALUE_COST + CHARACTER_COST * value.length;
  if (typeof value !== "object" || value === null) return VALUE_COST;
  let cost = OBJECT_COST;
  if (Array.isArray(value)) {
    for (const item of value) {
      cost += memoryCost(item, limit - cost);
      if (cost > limit) break;
    }
    return cost;
  }
  for (const [name, item] of Object.entries(value)) {
    cost += CHARACTER_COST * name.length + memoryCost(item, limit - cost);
    if (cost > limit) break;
  }
  return cost;
}

/** Reports whether a value can be turned into text at once without anyone noticing. */
export function isSmall(value: unknown): boolean {
  return memoryCost(value, SMALL_COST) <= SMALL_COST;
}

/**
 * Gives what `JSON.stringify` gives, in pieces of a few dozen KiB at most, each made when it is
 * asked for. For data that came from JSON or could go there: `toJSON` is not called for large objects.
 */
export function* jsonPieces(value: unknown): Generator<string, void, undefined> {
  if (isSmall(value)) yield JSON.stringify(value) ?? "null";
  else if (typeof value === "string") yield* textPieces(value);
  else if (Array.isArray(value)) yield* listPieces(value);
  else yield* objectPieces(Object.entries(value as object));
}

function* listPieces(items: readonly unknown[]): Generator<string, void, undefined> {
  let before = "[";
  for (const item of items) {
    yield before;
    yield* jsonPieces(item);
    before = ",";
  }
  yield "]";
}

function* objectPieces(entries: [string, unknown][]): Generator<string, void, undefined> {
  let before = "{";
  for (const [name, item] of entries) {
    if (item === undefined) continue;
    yield `${before}${JSON.stringify(name)}:`;
    yield* jsonPieces(item);
    before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

function* textPieces(text: string): Generator<string, void, undefined> {
  yield '"';
  for (let start = 0; start < text.length;) {
    let end = Math.min(start + TEXT_STEP, text.length);
    if (isHighSurrogate(text.charCodeAt(end - 1))) end += 1;
    yield JSON.stringify(text.slice(start, end)).slice(1, -1);
    start = end;
  }
  yield '"';
}

/** The first half of a character that must not be cut. */
function isHighSurrogate(codeUnit: number): boolean {
  return codeUnit >= 0xd800 && codeUnit < 0xdc00;
}
