import type { z } from "zod";
import { ElementScanner } from "./element-scanner.ts";
import { readJson, wrongAnswer } from "./wire.ts";

/** What a value of a list costs beyond its text: an object and its strings; measured, rounded up. */
const VALUE_COST_BYTES = 200;
/** A character of the text may take two bytes in memory. */
const COST_PER_BYTE = 2;

export interface ListBounds<Value> {
  /** What each element must be like. */
  element: z.ZodType<Value>;
  maxElements: number;
}

/**
 * Reads a JSON array of objects while it comes, one element after the other: the values of a list take
 * many times the memory of their text, so that a hostile one is refused at its first wrong element.
 */
export class ListReader<Value> {
  readonly values: Value[] = [];
  readonly #bounds: ListBounds<Value>;
  readonly #scanner = new ElementScanner();
  #valuesCostBytes = 0;

  constructor(bounds: ListBounds<Value>) {
    this.#bounds = bounds;
  }

  /** What it holds, values included. */
  get costBytes(): number {
    return this.#valuesCostBytes + this.#scanner.costBytes;
  }

  /**
   * Reads what came. Each step is one more element, after which others may have their turn.
   * @throws `unavailable` if it is something else, or longer
   */
  *add(bytes: Uint8Array): Generator<void, void> {
    const { element, maxElements } = this.#bounds;
    for (const text of this.#scanner.add(bytes)) {
      if (this.values.length === maxElements) {
        throw wrongAnswer(new Error(`a list of more than ${maxElements} elements`));
      }
      this.values.push(readJson(element, text));
      this.#valuesCostBytes += VALUE_COST_BYTES + COST_PER_BYTE * text.length;
      yield;
    }
  }

  /** Nothing more comes. @throws `unavailable` if that is not its end */
  end(): Value[] {
    this.#scanner.end();
    return this.values;
  }
}
