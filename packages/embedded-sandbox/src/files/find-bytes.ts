/**
 * Where the needle begins, from left to right and without overlap, in time that is linear in both
 * lengths (Knuth, Morris and Pratt): the text comes from a model, which may have been told to choose
 * the worst one.
 */
export function findBytes(haystack: Uint8Array, needle: Uint8Array): number[] {
  const found: number[] = [];
  if (needle.length > haystack.length) return found;
  const fallback = fallbackTable(needle);
  let matched = 0;
  for (let position = 0; position < haystack.length; position++) {
    while (matched > 0 && haystack[position] !== needle[matched]) matched = fallback[matched - 1]!;
    if (haystack[position] === needle[matched]) matched++;
    if (matched < needle.length) continue;
    found.push(position - matched + 1);
    matched = 0;
  }
  return found;
}

/** For each prefix of the needle: how long its longest part is that both begins and ends it. */
function fallbackTable(needle: Uint8Array): Uint32Array {
  const table = new Uint32Array(needle.length);
  let length = 0;
  for (let position = 1; position < needle.length; position++) {
    while (length > 0 && needle[position] !== needle[length]) length = table[length - 1]!;
    if (needle[position] === needle[length]) length++;
    table[position] = length;
  }
  return table;
}
