import { stripVTControlCharacters } from "node:util";

const MAX_LINES = 20;
const MAX_LINE_CHARS = 400;
/** Lines of the engine's builder about itself. */
const BUILDERS_OWN = /^(?:Step \d|--->|Removing intermediate container|Successfully )/;
const STEP = /^Step (\d+)\/(\d+) : /;

/** Where a build is, and the end of what it wrote. */
export class BuildLog {
  readonly #lines: string[] = [];
  #rest = "";
  #step = 0;
  #steps = 0;

  /** Takes any piece of the output. Says whether a line was completed. */
  add(text: string): boolean {
    const lines = (this.#rest + text).split(/[\r\n]+/);
    // Of a long line the beginning counts: there the builder says which step it is.
    this.#rest = (lines.pop() ?? "").slice(0, MAX_LINE_CHARS);
    const written = lines.map(clean).filter((line) => line !== "");
    for (const line of written) this.#addLine(line);
    return written.length > 0;
  }

  get position(): { step: number; steps: number; line: string } {
    return { step: this.#step, steps: this.#steps, line: this.#lines.at(-1) ?? "" };
  }

  /** The last line that a command wrote, and not the builder; empty where none did. */
  lastWords(): string {
    const lines = [...this.#lines, clean(this.#rest)];
    return lines.findLast((line) => line !== "" && !BUILDERS_OWN.test(line)) ?? "";
  }

  /** The last lines, at most 20 of 400 characters. */
  tail(): string {
    return [...this.#lines, clean(this.#rest)].filter((line) => line !== "").join("\n");
  }

  #addLine(line: string): void {
    const [, step, steps] = STEP.exec(line) ?? [];
    if (step !== undefined) [this.#step, this.#steps] = [Number(step), Number(steps)];
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }
}

function clean(line: string): string {
  return stripVTControlCharacters(line).trim().slice(0, MAX_LINE_CHARS);
}
