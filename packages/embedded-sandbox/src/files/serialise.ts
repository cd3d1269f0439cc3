/** Runs tasks one after the other, in the order in which they were given. */
export class Serialiser {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    // The next task waits for this one to end, however it ends; its caller hears of a failure.
    this.#last = result.catch(() => undefined);
    return result;
  }
}
