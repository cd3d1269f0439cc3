/** How deep data that is stored with a message may be nested. Nothing that a tool or a provider uses comes near it. */
export const MAX_DATA_DEPTH: number = 64;

/**
 * How many values the data of one field of a message may have. An object in memory costs some 50
 * bytes even if its JSON is `{}`, so a bound of bytes alone would not bound what it costs.
 */
export const MAX_DATA_VALUES: number = 100_000;

/** Stands where data was too deep or too much. */
export const LEFT_OUT_DATA = "[left out: nested too deeply, or too many values]";

export type PlainData =
  | null
  | boolean
  | number
  | string
  | PlainData[]
  | { [name: string]: PlainData };

/**
 * Copies a value as data that JSON can hold: no prototype but `Object`'s, no `toJSON` is called, and
 * no name means anything, `__proto__` included. Functions and `undefined` are left out as JSON does.
 *
 * @returns `undefined` if nothing is left
 */
export function plainData(value: unknown): PlainData | undefined {
  return copy(value, { depth: 0, budget: { left: MAX_DATA_VALUES } });
}

interface Place {
  depth: number;
  budget: { left: number };
}

function copy(value: unknown, { depth, budget }: Place): PlainData | undefined {
  budget.left -= 1;
  if (budget.left < 0) return LEFT_OUT_DATA;
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "bigint":
      return String(value);
    case "object":
      break;
    default:
      return undefined;
  }
  if (value === null) return null;
  if (depth === MAX_DATA_DEPTH) return LEFT_OUT_DATA;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  const inside: Place = { depth: depth + 1, budget };
  if (Array.isArray(value))
    return withinBudget(value, budget).map((item) => copy(item, inside) ?? null);
  const entries: [string, PlainData][] = [];
  for (const [name, item] of withinBudget(Object.entries(value), budget)) {
    const copied = copy(item, inside);
    if (copied !== undefined) entries.push([name, copied]);
  }
  // Unlike an assignment, this makes a property of every name.
  return Object.fromEntries(entries);
}

// One more than fits, so that a reader sees that something was left out.
function withinBudget<Item>(items: readonly Item[], { left }: { left: number }): readonly Item[] {
  return items.length > left ? items.slice(0, Math.max(0, left) + 1) : items;
}

/** Reports whether this is an object with names, and neither an array nor of a class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Reports whether data is nested deeper than this, or has more values. A value that contains itself
 * has no end and so is too deep.
 */
export function exceedsData(
  value: unknown,
  { maxDepth, maxValues }: { maxDepth: number; maxValues: number },
): boolean {
  // Level by level and not by recursion, which the depth in question would overflow.
  let level: unknown[] = [value];
  let values = 1;
  for (let depth = 0; depth <= maxDepth; depth++) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      for (const inner of Object.values(item)) {
        values += 1;
        if (values > maxValues) return true;
        next.push(inner);
      }
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
}
