/** How long the server waits for clients, and how fast they must be. */
export interface Patience {
  /** For the headers of a request, from the opening of the connection or the end of the answer before. */
  headersMs: number;
  /** For a whole body that is read into memory. */
  bodyMs: number;
  /** For the next request on a connection. */
  keepAliveMs: number;
  /**
   * An upload must bring, and an answer's client take, {@link minBytes} in each such time. Only the
   * time counts in which the server waits for the client.
   */
  stallMs: number;
  /** The same for downloads, archives and event streams. */
  streamStallMs: number;
  minBytes: number;
  /** How often the server looks for clients that are too slow. */
  checkMs: number;
}

/**
 * What the socket "took" is what went into the system's buffers. These hold several MiB and report
 * room in steps of about one, so a client that reads 10 KiB a second shows progress only every 90
 * seconds. Hence the two minutes for long answers.
 */
export const DEFAULT_PATIENCE: Patience = Object.freeze({
  headersMs: 10_000,
  bodyMs: 15_000,
  keepAliveMs: 5000,
  stallMs: 30_000,
  streamStallMs: 120_000,
  minBytes: 32 * 1024,
  checkMs: 1000,
});
