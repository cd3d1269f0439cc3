import type { Operation } from "../history/history.ts";
import type { Random } from "../random.ts";
import type { WorkerProcess } from "../worker/worker-process.ts";
import type { TestBed } from "./test-bed.ts";

const FILES = ["a", "b", "c"] as const;
const LOG = "log";

/** Operations for users' files, with texts that occur once in a history. */
export class Traffic {
  readonly #random: Random;
  #nextText = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  /** @param life how likely it is one that opens, ends or puts to sleep, 0 to 1 */
  next(life = 0.2): Operation {
    if (this.#random.chance(life)) {
      return this.#random.pick<Operation>([
        { name: "open" },
        { name: "look" },
        { name: "sleep" },
        { name: "end" },
      ]);
    }
    return this.#random.pick<() => Operation>([
      () => this.write(),
      () => ({ name: "read", path: this.#random.pick(FILES) }),
      () => this.append(),
      () => ({ name: "lines", path: LOG }),
      () => ({ name: "identify" }),
    ])();
  }

  write(): Operation {
    return { name: "write", path: this.#random.pick(FILES), text: this.#text() };
  }

  append(): Operation {
    return { name: "append", path: LOG, text: this.#text() };
  }

  #text(): string {
    return `text-${this.#nextText++}`;
  }
}

/** Read everything that {@link Traffic} writes, where nothing stands in the way. */
export async function readAll(bed: TestBed, worker: WorkerProcess, key: string): Promise<void> {
  for (const path of FILES) await bed.demand(worker, { name: "read", path }, { key });
  await bed.demand(worker, { name: "lines", path: LOG }, { key });
  await bed.demand(worker, { name: "identify" }, { key });
}
