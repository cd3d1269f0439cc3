import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { SANDBOX_ERROR_CODES, SandboxError } from "@carrel/backend-protocol";
import { ProcessKilled } from "../history/history-recorder.ts";
import type { AcquireTimes, WorkerFigures } from "./perform.ts";
import type {
  WorkerAnswer,
  WorkerConfiguration,
  WorkerError,
  WorkerOperation,
  WorkerRequest,
  WorkerValue,
} from "./worker-protocol.ts";

const PROGRAM = join(import.meta.dirname, "main.ts");
const MAX_LOG_CHARS = 16 * 1024;
const STOP_TIMEOUT_MS = 60_000;

interface Waiting {
  resolve: (value: WorkerValue) => void;
  reject: (error: Error) => void;
}

/** A worker in a process of its own. */
export class WorkerProcess implements AsyncDisposable {
  /** Resolves once it serves; rejects where it ends before that. */
  readonly ready: Promise<void>;
  /** Resolves once it looked through what others left. */
  readonly recovered: Promise<void>;
  /** Resolves once it ended, with whether it did so in order or was killed. */
  readonly exited: Promise<boolean>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #recovered = Promise.withResolvers<void>();
  #nextId = 1;
  #log = "";

  constructor(configuration: WorkerConfiguration) {
    const flags = [
      "--conditions=@carrel/source",
      "--expose-gc",
      "--disable-warning=ExperimentalWarning",
    ];
    this.#child = spawn(process.execPath, [...flags, PROGRAM, JSON.stringify(configuration)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.ready = this.#ready.promise;
    this.recovered = this.#recovered.promise;
    // Whoever does not wait for them is not to be told.
    for (const promise of [this.ready, this.recovered]) promise.catch(() => undefined);
    this.exited = once(this.#child, "close").then(() => this.#end());
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#receive(line));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-MAX_LOG_CHARS);
    });
    this.#child.stdin.on("error", () => undefined);
  }

  /** What it complained about last. */
  get log(): string {
    return this.#log;
  }

  /** @throws as the session manager does, and ProcessKilled where it ends meanwhile */
  call(
    operation: WorkerOperation,
    { key, deadlineMs }: { key: string; deadlineMs: number },
  ): Promise<WorkerValue> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return Promise.reject(new ProcessKilled());
    }
    const id = this.#nextId++;
    const request: WorkerRequest = { id, key, deadlineMs, operation };
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async figures(): Promise<WorkerFigures> {
    const [figures] =
      (await this.call({ name: "figures" }, { key: "-", deadlineMs: 10_000 })) ?? [];
    return JSON.parse(figures ?? "{}") as WorkerFigures;
  }

  /** How long `getOrCreate` takes for a user who has a live session, without the way to here. */
  async acquireTimes(key: string): Promise<AcquireTimes> {
    const [times] = (await this.call({ name: "acquire-times" }, { key, deadlineMs: 60_000 })) ?? [];
    return JSON.parse(times ?? "{}") as AcquireTimes;
  }

  /** End it as a crash does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** End it as an update does, within its own deadlines. */
  async [Symbol.asyncDispose](): Promise<void> {
    const killing = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    this.#child.stdin.end(`${JSON.stringify({ operation: { name: "shutdown" } })}\n`);
    await this.exited;
    clearTimeout(killing);
  }

  #receive(line: string): void {
    const answer = JSON.parse(line) as WorkerAnswer;
    if ("event" in answer) {
      if (answer.event === "ready") this.#ready.resolve();
      else this.#recovered.resolve();
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.value);
    else waiting?.reject(errorOf(answer.error));
  }

  #end(): boolean {
    const error = new ProcessKilled(`The worker ended. ${this.#log}`);
    this.#ready.reject(error);
    this.#recovered.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    return this.#child.exitCode === 0 || this.#child.signalCode === "SIGKILL";
  }
}

function errorOf({ code, name, message }: WorkerError): Error {
  const known = SANDBOX_ERROR_CODES.find((each) => each === code);
  if (known) return new SandboxError({ code: known, message });
  return Object.assign(new Error(message), { name });
}
