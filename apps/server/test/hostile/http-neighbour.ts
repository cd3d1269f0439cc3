import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostileServer } from "./hostile-server.ts";
import { HostileUser } from "./hostile-user.ts";

const QUIET_ROUNDS = 40;
const PAUSE_MS = 20;
/** A neighbour may wait so much longer than on a quiet machine. */
const SLOWDOWN = 10;
/**
 * What half of the rounds, and 99 of 100, may take without anybody's fault: a round is four requests,
 * and five such servers with their attackers share two cores when all tests run.
 */
const FLOORS_MS = { p50: 1500, p99: 3000 };
/** No round takes longer, whatever happens. */
const DEADLINE_MS = 10_000;

/** What a neighbour has seen during an attack. */
export interface Seen {
  timesMs: readonly number[];
  /** Answers that were wrong, late, or none. */
  wrong: readonly string[];
}

/** Another user of the server, over connections of their own, who must not notice anything. */
export class HttpNeighbour {
  /** How long half of the rounds, and 99 of 100, may take. */
  readonly boundsMs: { p50: number; p99: number };
  readonly #user: HostileUser;

  private constructor(user: HostileUser, quietMs: readonly number[]) {
    this.#user = user;
    this.boundsMs = {
      p50: Math.max(FLOORS_MS.p50, SLOWDOWN * percentile(quietMs, 50)),
      p99: Math.max(FLOORS_MS.p99, SLOWDOWN * percentile(quietMs, 99)),
    };
  }

  static async settle(server: HostileServer): Promise<HttpNeighbour> {
    const user = await HostileUser.open(server, `neighbour-${randomUUID()}`);
    const quietMs: number[] = [];
    for (let round = 0; round < QUIET_ROUNDS; round++) quietMs.push(await work(user, round));
    return new HttpNeighbour(user, quietMs);
  }

  /** Work until the attack is over. */
  async during(attack: Promise<unknown>): Promise<Seen> {
    let over = false;
    const ended = attack.finally(() => (over = true));
    // It is awaited below; that it failed meanwhile is told there.
    ended.catch(() => undefined);
    const timesMs: number[] = [];
    const wrong: string[] = [];
    for (let round = 0; !over || round < 3; round++) {
      try {
        timesMs.push(await work(this.#user, round));
      } catch (error) {
        wrong.push(String(error));
      }
      await sleep(PAUSE_MS);
    }
    await ended;
    return { timesMs, wrong };
  }
}

/** A command, a file written and read, a listing; how long all of it took. */
async function work(user: HostileUser, round: number): Promise<number> {
  const begunMs = performance.now();
  const text = `${round} ${randomUUID()}`;
  const name = `n${round % 10}`;
  const query = `?path=${name}`;
  const deadlineMs = DEADLINE_MS;
  const { outcome, stdout } = await user.execute(`echo '${text}'`, { deadlineMs });
  if (outcome !== "exited" || stdout !== `${text}\n`) {
    throw new Error(`echo '${text}' was ${outcome} with ${JSON.stringify(stdout)}`);
  }
  await user.put(name, text);
  const read = await user.ask(`/files/content${query}`, { deadlineMs });
  if (read.text !== text) throw new Error(`${read.status} ${read.text} instead of ${text}`);
  const listed = await user.ask("/files?path=.", { deadlineMs });
  if (!listed.text.includes(`"${name}"`)) throw new Error(`${listed.status} ${listed.text}`);
  const tookMs = performance.now() - begunMs;
  if (tookMs > DEADLINE_MS) throw new Error(`a round took ${Math.round(tookMs)} ms`);
  return tookMs;
}

/** The value that so many of 100 do not exceed. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}
