/**
 * Do `work` for every item, at most `limit` at a time. The first failure ends it.
 * @returns what came of each, in the order in which they were done
 */
export async function mapBounded<T, R>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const remaining = items[Symbol.iterator]();
  const results: R[] = [];
  const worker = async (): Promise<void> => {
    for (let next = remaining.next(); !next.done; next = remaining.next()) {
      results.push(await work(next.value));
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
