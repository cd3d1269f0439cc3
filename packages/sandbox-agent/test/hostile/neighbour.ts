import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentSandbox } from "../../src/agent-sandbox.ts";
import { LocalAgent } from "../../src/testing/local-agent.ts";

const QUIET_ROUNDS = 60;
const PAUSE_MS = 10;
/** A neighbour may wait so much longer than on a quiet machine, in the 99th of 100 cases. */
const SLOWDOWN = 10;
/** What a machine that runs other tests at the same time may take without anybody's fault. */
const FLOOR_MS = 1000;
/** No single call of a neighbour takes longer, whatever happens. */
const DEADLINE_MS = 10_000;

/** What a neighbour has seen. */
export interface Observations {
  rounds: number;
  p99Ms: number;
  /** Answers that were wrong, late, or none. */
  wrong: readonly string[];
}

/** Another user in the same process, with the real agent, who must not notice anything. */
export class Neighbour implements AsyncDisposable {
  /** The longest that the 99th of 100 rounds may take. */
  readonly boundMs: number;
  readonly #agent: LocalAgent;
  readonly #sandbox: AgentSandbox;

  private constructor(agent: LocalAgent, sandbox: AgentSandbox, quietMs: readonly number[]) {
    this.#agent = agent;
    this.#sandbox = sandbox;
    this.boundMs = Math.max(FLOOR_MS, SLOWDOWN * percentile(quietMs, 99));
  }

  static async settle(): Promise<Neighbour> {
    const agent = await LocalAgent.start();
    const sandbox = agent.sandbox();
    const quietMs: number[] = [];
    for (let round = 0; round < QUIET_ROUNDS; round++) quietMs.push(await work(sandbox, round));
    return new Neighbour(agent, sandbox, quietMs);
  }

  /** Work until the attack is over, and tell how that went. */
  async during(attack: Promise<unknown>): Promise<Observations & { timesMs: readonly number[] }> {
    let over = false;
    const ended = attack.finally(() => (over = true));
    // It is awaited below; that it failed meanwhile is told there.
    ended.catch(() => undefined);
    const timesMs: number[] = [];
    const wrong: string[] = [];
    for (let round = 0; !over || round === 0; round++) {
      try {
        timesMs.push(await work(this.#sandbox, round));
      } catch (error) {
        wrong.push(String(error));
      }
      await sleep(PAUSE_MS);
    }
    await ended;
    return { rounds: timesMs.length, p99Ms: percentile(timesMs, 99), wrong, timesMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox[Symbol.asyncDispose]();
    await this.#agent[Symbol.asyncDispose]();
  }
}

/** Run a command and write and read a file; how long both took together. */
async function work(sandbox: AgentSandbox, round: number): Promise<number> {
  const begunMs = performance.now();
  const text = `${round} ${randomUUID()}`;
  const name = `n${round % 10}`;
  const { outcome, stdout } = await sandbox.execute(`echo '${text}'`, { timeoutMs: DEADLINE_MS });
  if (outcome !== "exited" || stdout !== `${text}\n`) {
    throw new Error(`echo '${text}' was ${outcome} with ${JSON.stringify(stdout)}`);
  }
  await sandbox.write(name, text);
  const read = Buffer.from((await sandbox.read(name)) ?? []).toString("utf8");
  if (read !== text) throw new Error(`${JSON.stringify(read)} was read where ${text} was written`);
  const tookMs = performance.now() - begunMs;
  if (tookMs > DEADLINE_MS) throw new Error(`a round took ${Math.round(tookMs)} ms`);
  return tookMs;
}

/** The value that so many of 100 do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}
