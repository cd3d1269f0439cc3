/** Tells how much time has passed, without that in which the sandbox was suspended. */
export class AwakeClock {
  #awake: PromiseWithResolvers<void> | null = null;
  #suspendedAtMs = 0;
  #suspendedMs = 0;

  get isSuspended(): boolean {
    return this.#awake !== null;
  }

  /** From an arbitrary beginning. */
  get nowMs(): number {
    const now = this.isSuspended ? this.#suspendedAtMs : performance.now();
    return now - this.#suspendedMs;
  }

  /** Resolves while it runs; at once where it does. */
  get awake(): Promise<void> {
    return this.#awake?.promise ?? Promise.resolve();
  }

  suspend(): void {
    if (this.isSuspended) return;
    this.#suspendedAtMs = performance.now();
    this.#awake = Promise.withResolvers();
  }

  wake(): void {
    if (!this.isSuspended) return;
    this.#suspendedMs += performance.now() - this.#suspendedAtMs;
    this.#awake?.resolve();
    this.#awake = null;
  }
}
