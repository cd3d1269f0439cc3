import type { DatabaseSync } from "node:sqlite";

/** Time from the last deletion until what was deleted leaves the files, unless others use them. */
const DELETED_DELAY_MS = 500;

/**
 * What was overwritten, and may have had more text than what is there now, is gone after this time.
 * Longer, since every step of work overwrites something, and each erasure waits for the disk.
 */
const OVERWRITTEN_DELAY_MS = 5000;

/** Another try follows after this time, then after twice that, up to the longest, until one is done. */
const RETRY_MS = 50;
const MAX_RETRY_MS = 10_000;

const DELETES = /^\s*delete\b/i;
const OVERWRITES = /^\s*(update|replace|insert\b[^]*\bon\s+conflict\b)/i;

/**
 * Sees to it that what was deleted leaves the files of a database. SQLite overwrites it with zeros
 * (`secure_delete`), but only in its write-ahead log at first, which also holds all that was written
 * before: both are gone once the log is copied to the database and cut to nothing.
 */
export class SqliteErasure {
  readonly #file: DatabaseSync;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #retryMs = RETRY_MS;

  /** What a process that was killed left in the log is erased soon. */
  constructor(file: DatabaseSync) {
    this.#file = file;
    this.#schedule(DELETED_DELAY_MS);
  }

  /** Take note of a statement that changed rows. */
  noteChange(sql: string): void {
    if (DELETES.test(sql)) this.#schedule(DELETED_DELAY_MS);
    else if (OVERWRITES.test(sql)) this.#schedule(OVERWRITTEN_DELAY_MS);
  }

  /** Stops; to close the file erases as well, if nobody else has it open. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#dueAt = Number.NEGATIVE_INFINITY;
  }

  #schedule(delayMs: number): void {
    const dueAt = performance.now() + delayMs;
    if (dueAt >= this.#dueAt) return;
    this.#dueAt = dueAt;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#erase(), delayMs).unref();
  }

  #erase(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (this.#truncateLog()) {
      this.#retryMs = RETRY_MS;
      return;
    }
    this.#schedule(this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  // Not while a transaction goes on, of this process or of another one's.
  #truncateLog(): boolean {
    if (this.#file.isTransaction) return false;
    try {
      const row = this.#file.prepare("pragma wal_checkpoint(truncate)").get();
      return row?.["busy"] === 0;
    } catch {
      return false; // it is busy, or the disk is full: the next try is on its way
    }
  }
}
