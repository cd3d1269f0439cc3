/**
 * Where `wanted` begins in `content`, from left to right and without overlap, by the algorithm of
 * Knuth, Morris and Pratt: the built-in searches take the product of both lengths on content that
 * is made for it, and the process can do nothing else meanwhile.
 */
export function* positionsOf(
  content: ArrayLike<number>,
  wanted: ArrayLike<number>,
): Generator<number, void> {
  if (wanted.length === 0 || wanted.length > content.length) return;
  const borders = bordersOf(wanted);
  let matched = 0;
  for (let index = 0; index < content.length; index++) {
    while (matched > 0 && content[index] !== wanted[matched]) matched = borders[matched - 1]!;
    if (content[index] === wanted[matched]) matched++;
    if (matched < wanted.length) continue;
    yield index - wanted.length + 1;
    matched = 0;
  }
}

/** For each beginning of `wanted`: how long its longest end is that is a shorter beginning. */
function bordersOf(wanted: ArrayLike<number>): Uint32Array {
  const borders = new Uint32Array(wanted.length);
  let length = 0;
  for (let index = 1; index < wanted.length; index++) {
    while (length > 0 && wanted[index] !== wanted[length]) length = borders[length - 1]!;
    if (wanted[index] === wanted[length]) length++;
    borders[index] = length;
  }
  return borders;
}
