import { SandboxError } from "@carrel/backend-protocol";

export interface DeadlineOptions {
  timeoutMs: number;
  /** What is being done, for the message: `The sandbox of session "x" did not start`. */
  failure: string;
  /** The caller's own signal: fires as `aborted`. */
  signal?: AbortSignal | undefined;
  /** A signal whose reason is the error to throw. */
  closing?: AbortSignal | undefined;
}

/**
 * The time that one operation of the manager may take, over all its steps. When it passes, or the
 * caller aborts, the step that is under way is told by its signal and is not waited for any more.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #release: () => void;

  constructor({ timeoutMs, failure, signal, closing }: DeadlineOptions) {
    const onAbort = (): void => this.#controller.abort(aborted(failure, signal?.reason));
    const onClosing = (): void => this.#controller.abort(closing?.reason);
    const timer = setTimeout(() => this.#controller.abort(timedOut(failure, timeoutMs)), timeoutMs);
    this.#release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      closing?.removeEventListener("abort", onClosing);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    closing?.addEventListener("abort", onClosing, { once: true });
    if (closing?.aborted) onClosing();
    else if (signal?.aborted) onAbort();
  }

  /** Its reason is the `SandboxError` that the caller gets. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /**
   * One step.
   * @param onLate receives what the step still gave after nobody waited for it any more
   * @throws the signal's reason
   */
  run<T>(
    step: (signal: AbortSignal) => Promise<T>,
    onLate: (value: T) => void = ignore,
  ): Promise<T> {
    const { signal } = this;
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      let waiting = true;
      // Listens before the step does, so that the caller gets this error and not the step's own
      // account of the same abort.
      const giveUp = (): void => {
        waiting = false;
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      void step(signal)
        .then((value) => (waiting ? resolve(value) : onLate(value)), reject)
        .finally(() => signal.removeEventListener("abort", giveUp));
    });
  }

  /** Free the timer and the listeners. Call it when the operation is over. */
  [Symbol.dispose](): void {
    this.#release();
  }
}

function ignore(): void {}

function aborted(failure: string, cause: unknown): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: `${failure}: the caller gave up.`,
    cause,
  });
}

function timedOut(failure: string, timeoutMs: number): SandboxError {
  return new SandboxError({
    code: "timeout",
    message: `${failure} within ${timeoutMs} ms. Try again, or ask an administrator to look at the engine.`,
  });
}
