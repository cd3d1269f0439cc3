/**
 * Where in an exchange with the engine something happens.
 *
 * | flow | bytes |
 * |---|---|
 * | `request` | of a call, on their way to the engine, its head included |
 * | `answer` | of the engine to a call, its head included |
 * | `to-sandbox`, `from-sandbox` | of the stream that a call was upgraded to (`exec-start`), after its answer |
 */
export type Flow = "request" | "answer" | "to-sandbox" | "from-sandbox";

/** What goes wrong. */
export type Fault =
  /** The flow begins later. */
  | { kind: "delay"; flow: Flow; delayMs: number }
  /** It takes its time, from the first byte on. */
  | { kind: "throttle"; flow: Flow; bytesPerSecond: number }
  /**
   * After so many bytes both connections, to the caller and to the engine, are closed. `answer` after
   * 0 bytes: the engine did its work, and nobody hears of it.
   */
  | { kind: "cut"; flow: Flow; afterBytes: number }
  /** After so many bytes nothing more comes, and nothing is closed. `request` after 0: the engine is not asked. */
  | { kind: "hang"; flow: Flow; afterBytes: number }
  /** The caller gets this answer. */
  | { kind: "rewrite"; status: number; body: string; contentType?: string; engineAsked: boolean }
  /** Something else is done first: `request` before the engine is asked, `answer` after it worked and before that is told. */
  | { kind: "interrupt"; flow: "request" | "answer"; run: () => Promise<void> | void };

export interface FaultRule {
  /** Names of calls as `callName` gives them. @default all calls */
  calls?: readonly string[];
  /** Only the n-th of the calls that match since the rule was made, from 1. @default each */
  nth?: number;
  /** How likely it is at each, 0 to 1, by the proxy's seed. @default 1 */
  chance?: number;
  fault: Fault;
}
