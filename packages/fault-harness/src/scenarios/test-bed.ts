import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineView } from "../engine/engine-view.ts";
import { checkHistory } from "../history/check-history.ts";
import type { AllowedErrors } from "../history/check-errors.ts";
import { HistoryRecorder } from "../history/history-recorder.ts";
import type { CallResult, Operation, Violation } from "../history/history.ts";
import { EngineProxy } from "../proxy/engine-proxy.ts";
import { Random } from "../random.ts";
import type { WorkerConfiguration } from "../worker/worker-protocol.ts";
import { WorkerProcess } from "../worker/worker-process.ts";
import type { ScenarioOptions, ScenarioReport } from "./scenario.ts";
import { createScratchDatabase } from "./scratch-database.ts";
import type { ScratchDatabase } from "./scratch-database.ts";

/** Of a call where nothing else is said. */
const CALL_DEADLINE_MS = 30_000;

/** Until the manager gives up each of several sandboxes that do not stop. */
const ENDING_DEADLINE_MS = 120_000;

/** Of what is not a server's fault: processes that wait for a processor. */
const DEADLINE_GRACE_MS = 2000;

export interface Asked {
  key: string;
  /** @default the name of the operation */
  caller?: string;
  /** Not of what puts to sleep or ends, which cannot be given up. @default {@link CALL_DEADLINE_MS} */
  deadlineMs?: number;
  /** What it may take beyond that, to end what it began. @default 0 */
  endingMs?: number;
}

interface BedParts {
  root: string;
  proxy: EngineProxy;
  database: ScratchDatabase | null;
}

/** An installation of its own, with everything that breaks it and everything that watches it. */
export class TestBed implements AsyncDisposable {
  readonly root: string;
  readonly workspaceRoot: string;
  readonly databaseUrl: string;
  readonly proxy: EngineProxy;
  readonly view: EngineView;
  readonly random: Random;
  readonly recorder: HistoryRecorder = new HistoryRecorder();
  readonly violations: Violation[] = [];
  readonly #options: ScenarioOptions;
  readonly #database: ScratchDatabase | null;
  readonly #startedAtMs = performance.now();
  readonly #workers = new Set<WorkerProcess>();
  readonly #keys = new Set<string>();

  private constructor({ root, proxy, database }: BedParts, options: ScenarioOptions) {
    this.root = root;
    this.workspaceRoot = join(root, "workspaces");
    this.#database = database;
    this.databaseUrl = database?.url ?? `sqlite:${join(root, "sessions.db")}`;
    this.proxy = proxy;
    this.view = new EngineView(options.enginePath, this.workspaceRoot);
    this.random = new Random(options.seed);
    this.#options = options;
  }

  static async make(options: ScenarioOptions): Promise<TestBed> {
    const { enginePath, seed, postgresUrl } = options;
    const database = postgresUrl === undefined ? null : await createScratchDatabase(postgresUrl);
    const root = await realpath(await mkdtemp(join(tmpdir(), "carrel-fault-")));
    const proxy = await EngineProxy.start({ enginePath, seed });
    return new TestBed({ root, proxy, database }, options);
  }

  get patience(): number {
    return this.#options.patience ?? 1;
  }

  /** Whether another round may begin. */
  mayGoOn(roundsDone: number): boolean {
    const { rounds, minutes } = this.#options;
    return roundsDone < rounds && performance.now() - this.#startedAtMs < minutes * 60_000;
  }

  progress(line: string): void {
    this.#options.onProgress?.(line);
  }

  /** A server process; one that is not ended is ended with this. */
  spawnWorker(configuration: Partial<WorkerConfiguration> = {}): WorkerProcess {
    const worker = new WorkerProcess({
      provider: "docker",
      engineHost: this.proxy.host,
      image: this.#options.image,
      workspaceRoot: this.workspaceRoot,
      databaseUrl: this.databaseUrl,
      ...configuration,
    });
    this.#workers.add(worker);
    void worker.exited.then((inOrder) => {
      this.#workers.delete(worker);
      if (!inOrder) this.violate("allowed-errors", "-", `A server ended by itself: ${worker.log}`);
    });
    return worker;
  }

  /** All users so far. */
  get keys(): string[] {
    return [...this.#keys];
  }

  know(key: string): void {
    this.#keys.add(key);
    this.view.know(key);
  }

  /** Have a worker do something for a user, and write down what came of it. */
  ask(worker: WorkerProcess, operation: Operation, asked: Asked): Promise<CallResult> {
    const { key, caller = operation.name, endingMs = 0 } = asked;
    const isEnding = operation.name === "sleep" || operation.name === "end";
    const deadlineMs = isEnding ? ENDING_DEADLINE_MS : (asked.deadlineMs ?? CALL_DEADLINE_MS);
    this.know(key);
    const call = { operation, key, caller, deadlineMs: deadlineMs + endingMs };
    return this.recorder.call(call, () => worker.call(operation, { key, deadlineMs }));
  }

  /** The same, where nothing stands in the way: a failure is a violation. */
  async demand(worker: WorkerProcess, operation: Operation, asked: Asked): Promise<CallResult> {
    const result = await this.ask(worker, operation, asked);
    if (result.kind === "ok") return result;
    const why = result.kind === "error" ? `${result.code}: ${result.message}` : worker.log;
    this.violate("allowed-errors", asked.key, `${operation.name} must work now, but: ${why}`);
    return result;
  }

  violate(rule: Violation["rule"], key: string, message: string): void {
    this.violations.push({ rule, key, message: `${message} (seed ${this.#options.seed})` });
  }

  /** Look which containers there are now, for the history. */
  async observe(): Promise<void> {
    const seen = await this.view.containers();
    this.recorder.observe(seen.flatMap(({ id, key }) => (key === null ? [] : [{ id, key }])));
  }

  report(
    name: string,
    {
      rounds,
      figures,
      allowed,
    }: Pick<ScenarioReport, "rounds" | "figures"> & { allowed: AllowedErrors },
  ): ScenarioReport {
    const { calls } = this.recorder.history;
    return {
      name,
      seed: this.#options.seed,
      rounds,
      durationMs: Math.round(performance.now() - this.#startedAtMs),
      figures: { calls: calls.length, ...figures },
      violations: [...this.violations, ...this.#judge(allowed)],
    };
  }

  #judge(allowed: AllowedErrors): Violation[] {
    const deadlineGraceMs = DEADLINE_GRACE_MS * this.patience;
    return checkHistory(this.recorder.history, { allowed, deadlineGraceMs });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.kill()));
    await this.view.removeAll();
    await this.proxy[Symbol.asyncDispose]();
    await this.#database?.[Symbol.asyncDispose]();
    await rm(this.root, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Ask until it is so. @returns how long it took, or `null` where it is not so in time */
export async function eventually(
  isSo: () => Promise<boolean>,
  withinMs: number,
): Promise<number | null> {
  const begunAtMs = performance.now();
  for (;;) {
    if (await isSo()) return performance.now() - begunAtMs;
    if (performance.now() - begunAtMs > withinMs) return null;
    await sleep(100);
  }
}
