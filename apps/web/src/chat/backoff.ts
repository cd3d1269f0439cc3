const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

/**
 * How long to wait before the next attempt to reach the server, with a random part so that many
 * pages do not return at the same moment after a restart.
 *
 * @param attempt from 0
 * @param random from 0 to 1
 */
export function backoffDelay(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return Math.round(longest * (0.5 + random / 2));
}
