/**
 * Where `wanted` begins in `content`, from left to right and without overlap, by the algorithm of
 * Knuth, Morris and Pratt: the built-in searches take the product of both lengths on content that
 * is made for it, and the process can do nothing else meanwhile.
 */
export function* positionsOf(
  content: ArrayLike<number>,
  wanted: ArrayLike<number>,
): Generator<number, void> {
  if (wanted.length === 0) return;
  const borders = bordersOf(wanted);
  let matched = 0;
  for (let index = 0; index < content.length; index++) {
    matched = extend(matched, content[index], { wanted, borders });
    if (matched < wanted.length) continue;
    yield index - wanted.length + 1;
    matched = 0;
  }
}

/** For each beginning of `wanted`: how long its longest end is that is a shorter beginning. */
function bordersOf(wanted: ArrayLike<number>): Int32Array {
  const borders = new Int32Array(wanted.length);
  let matched = 0;
  for (let index = 1; index < wanted.length; index++) {
    matched = extend(matched, wanted[index], { wanted, borders });
    borders[index] = matched;
  }
  return borders;
}

/** How much of `wanted` is matched after one more element. */
function extend(
  matched: number,
  element: number | undefined,
  { wanted, borders }: { wanted: ArrayLike<number>; borders: Int32Array },
): number {
  let length = matched;
  while (length > 0 && wanted[length] !== element) length = borders[length - 1]!;
  return wanted[length] === element ? length + 1 : length;
}
