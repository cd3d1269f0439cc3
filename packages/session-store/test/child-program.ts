import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface ChildProgram {
  /** What it prints, line by line. */
  lines: AsyncIterable<string>;
  kill(): void;
  /** @returns its exit code, or `null` where it was killed */
  ended: Promise<number | null>;
}

/** Run a program of this folder in a process of its own, on the sources. */
export function runChild(program: string, args: readonly string[]): ChildProgram {
  const file = join(import.meta.dirname, program);
  const child = spawn(process.execPath, ["--conditions=@carrel/source", file, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { lines: createInterface(child.stdout), kill: () => child.kill("SIGKILL"), ended };
}
