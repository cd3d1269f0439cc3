import { randomBytes } from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";
import type { CreateBody } from "../hardening/create-body.ts";
import { Backoff } from "./backoff.ts";
import { PoolOwner } from "./pool-owner.ts";
import type { Claim, SlotDirectories } from "./slot-directories.ts";
import { makeSlot, removalOf, silent } from "./warm-slot.ts";
import type { BodyVariables, MadeSlot, SlotParts, WarmSlot } from "./warm-slot.ts";

/** Users come first; but where there are always some, slots are made beside them. */
const MAX_YIELD_MS = 10_000;
/** As long as more than so many cannot be removed, no more are made. */
const MAX_LEFT = 4;

export interface WarmPoolOptions extends SlotParts {
  root: string;
  /** How many sandboxes wait to be claimed. */
  size: number;
  /** How many are made at a time. */
  refillConcurrency: number;
  body: (variables: BodyVariables) => CreateBody;
  /** Tells apart what sandboxes are made of now and were made of before. */
  recipe: () => string;
  /** Make good what containers need, where somebody removed it. */
  repair: (signal: AbortSignal) => Promise<void>;
}

/** Sandboxes that are started and nobody's yet, made in the background as they are claimed. */
export class WarmPool implements AsyncDisposable {
  readonly #options: WarmPoolOptions;
  readonly #owner: PoolOwner;
  readonly #end = new AbortController();
  readonly #backoff = new Backoff();
  #free: WarmSlot[] = [];
  /** What could not be removed, which is tried again. */
  readonly #left = new Set<() => Promise<void>>();
  readonly #background = new Set<Promise<void>>();
  #refills = 0;
  #users = 0;
  #quiet: PromiseWithResolvers<void> | null = null;

  private constructor(options: WarmPoolOptions, owner: PoolOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /**
   * Begins to fill it once `before` is done, for which nobody waits.
   * @throws `invalid-argument` where the workspace root cannot have one
   */
  static async open(options: WarmPoolOptions, before: Promise<void>): Promise<WarmPool> {
    await options.directories.open();
    const owner = await PoolOwner.begin(options.root, randomBytes(8).toString("hex"));
    const pool = new WarmPool(options, owner);
    pool.#inBackground(before.then(() => pool.#refill()));
    return pool;
  }

  get directories(): SlotDirectories {
    return this.#options.directories;
  }

  /** How many could be claimed now. */
  get freeCount(): number {
    return this.#free.length;
  }

  /** While this is held somebody waits for a sandbox, and slots are not made beside that. */
  yieldToUser(): Disposable {
    this.#users++;
    this.#quiet ??= Promise.withResolvers();
    return {
      [Symbol.dispose]: () => {
        if (--this.#users > 0) return;
        this.#quiet?.resolve();
        this.#quiet = null;
      },
    };
  }

  /** The oldest slot, or `null`. It is the caller's alone. */
  take(): WarmSlot | null {
    this.drainOutdated();
    const slot = this.#free.shift() ?? null;
    this.#refill();
    return slot;
  }

  /** One that was taken and not used. */
  giveBack(slot: WarmSlot): void {
    this.#free.unshift(slot);
    this.drainOutdated();
  }

  /** Remove those that are not what sandboxes are now, or whose agent is gone. */
  drainOutdated(): void {
    const recipe = this.#options.recipe();
    const isGood = (slot: WarmSlot): boolean =>
      !this.#end.signal.aborted && slot.recipe === recipe && slot.connection.failure === null;
    const bad = this.#free.filter((slot) => !isGood(slot));
    if (bad.length === 0) return;
    this.#free = this.#free.filter(isGood);
    for (const slot of bad) this.#discard(slot);
    this.#refill();
  }

  /** Remove one that a claim has begun to take and did not get. @throws where that is tried again later */
  async undo(slot: WarmSlot, claim: Claim): Promise<void> {
    const { containers, directories } = this.#options;
    const { containerId } = slot;
    slot.connection.close(silent());
    let isFirst = true;
    await this.#remove(async () => {
      // Later the key's next user may have found it by its name, and it is theirs.
      if (!isFirst && (await containers.hasName(containerId, claim.keyHash))) return;
      isFirst = false;
      await containers.remove(containerId);
      await directories.undo(claim);
    });
  }

  /** The engine made something: what failed before may work again. */
  engineWorks(): void {
    this.#backoff.succeeded();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    this.drainOutdated();
    while (this.#background.size > 0) await Promise.all(this.#background);
    // What cannot be removed now has no owner at the next start, and is found by that.
    await this.#removeLeft().catch(() => undefined);
    await this.#owner[Symbol.asyncDispose]();
  }

  #refill(): void {
    const { size, refillConcurrency } = this.#options;
    // After a failure one looks whether it still fails.
    const width = this.#backoff.failures > 0 ? 1 : refillConcurrency;
    while (
      !this.#end.signal.aborted &&
      this.#refills < width &&
      this.#free.length + this.#refills < size
    ) {
      this.#refills++;
      this.#inBackground(
        this.#add().finally(() => {
          this.#refills--;
          this.#refill();
        }),
      );
    }
  }

  /** One more slot; or a pause, where none can be made. */
  async #add(): Promise<void> {
    const { signal } = this.#end;
    try {
      await this.#untilQuiet();
      await this.#removeLeft();
      // Meanwhile slots that were taken may have come back.
      const { size } = this.#options;
      if (signal.aborted || this.#free.length + this.#refills > size) return;
      this.giveBack(await this.#make());
      this.#backoff.succeeded();
    } catch (error) {
      // Nobody asked for it. Whoever needs a sandbox makes one, and hears what is the matter.
      await this.#backoff.pause(signal);
      if (!isOfNeeds(error) || signal.aborted) return;
      await this.#options.repair(signal).catch(() => undefined);
    }
  }

  async #make(): Promise<WarmSlot> {
    const id = `${this.#owner.id}-${randomBytes(8).toString("hex")}`;
    const made: MadeSlot = { id, containerId: null, connection: null };
    const { body, recipe } = this.#options;
    const onEnded = (): void => this.drainOutdated();
    const parts = { id, body, recipe: recipe(), onEnded, signal: this.#end.signal };
    try {
      return await makeSlot(this.#options, parts, made);
    } catch (error) {
      this.#discard(made);
      throw error;
    }
  }

  async #untilQuiet(): Promise<void> {
    const stop = AbortSignal.any([this.#end.signal, AbortSignal.timeout(MAX_YIELD_MS)]);
    const stopped = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => stopped.resolve(), { once: true });
    while (this.#quiet && !stop.aborted) await Promise.race([this.#quiet.promise, stopped.promise]);
  }

  #discard(slot: MadeSlot): void {
    this.#inBackground(this.#remove(removalOf(this.#options, slot)));
  }

  async #remove(removal: () => Promise<void>): Promise<void> {
    try {
      await removal();
    } catch (error) {
      this.#left.add(removal);
      throw error;
    }
  }

  /** @throws where so much is left that nothing more is to be made */
  async #removeLeft(): Promise<void> {
    for (const removal of this.#left) {
      try {
        await removal();
        this.#left.delete(removal);
      } catch (error) {
        if (this.#left.size >= MAX_LEFT) throw error;
      }
    }
  }

  /** What fails there is tried again, or told to whoever needs it. */
  #inBackground(work: Promise<void>): void {
    const tracked = work
      .catch(() => undefined)
      .finally(() => void this.#background.delete(tracked));
    this.#background.add(tracked);
  }
}

/** The engine's words for an image that is not there, and for a program that is not. */
function isOfNeeds(error: unknown): boolean {
  return (
    SandboxError.isInstance(error) &&
    (error.code === "not-found" || error.code === "invalid-argument")
  );
}
