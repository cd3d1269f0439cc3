const TERMINAL_TICK_MS = 1000;
const LOG_TICK_MS = 15_000;

/** @type {(text: string) => void} */
export function say(text) {
  process.stderr.write(`carrel: ${text}\n`);
}

/** @type {(since: number) => string} */
export function elapsed(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * Do a piece of work that prints nothing itself, and show that it goes on and how long it took.
 *
 * @template T
 * @param {string} label
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(label, work) {
  const started = performance.now();
  const isTerminal = process.stderr.isTTY === true;
  const rewind = isTerminal ? "\r\u001b[2K" : "";
  /** @type {(state: string, end: string) => void} */
  const show = (state, end) => {
    process.stderr.write(`${rewind}carrel: ${label} …${state}${end}`);
  };
  show("", isTerminal ? "" : "\n");
  const ticker = setInterval(
    () => show(` ${elapsed(started)}`, isTerminal ? "" : "\n"),
    isTerminal ? TERMINAL_TICK_MS : LOG_TICK_MS,
  );
  try {
    const result = await work();
    show(` done in ${elapsed(started)}`, "\n");
    return result;
  } catch (error) {
    show(` failed after ${elapsed(started)}`, "\n");
    throw error;
  } finally {
    clearInterval(ticker);
  }
}
