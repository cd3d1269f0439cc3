import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HostileServer, engineOrSkip } from "./hostile-server.ts";
import { HostileUser } from "./hostile-user.ts";
import { HttpNeighbour, percentile } from "./http-neighbour.ts";

/** How much more memory the server may have during one attack than before it. */
const MAX_GROWN_MIB = 384;
const CASE_TIMEOUT_MS = 120_000;

export interface HostileBench {
  server: HostileServer;
  neighbour: HttpNeighbour;
  /** How long it took somebody new to get in before the attacks. */
  newUserMs: number;
}

export interface HostileCase {
  /** Stays the same: reports and other documents name it. */
  id: string;
  /** What the attacker does. */
  about: string;
  attack: (bench: HostileBench) => Promise<unknown>;
}

const hasEngine = await engineOrSkip();

/**
 * The cases of one group of attacks on a server of their own. In each one the neighbour's answers are
 * right and in time, the server runs on, and its memory stays within a bound; in the end, half
 * of the rounds in each case, and 99 of 100 in all, were as fast as on a quiet machine, up to a factor.
 */
export function describeAttacks(
  group: string,
  cases: readonly HostileCase[],
  variables?: () => Promise<Record<string, string>>,
): void {
  describe.skipIf(!hasEngine)(group, { timeout: CASE_TIMEOUT_MS }, () => {
    const bench: Partial<HostileBench> = {};
    const seenBy = new Map<string, { timesMs: readonly number[]; grownMiB: number }>();

    beforeAll(async () => {
      bench.server = await HostileServer.start(await variables?.());
      bench.neighbour = await HttpNeighbour.settle(bench.server);
      bench.newUserMs = await timeOfSomebodyNew(bench.server);
    }, CASE_TIMEOUT_MS);

    afterAll(() => bench.server?.[Symbol.asyncDispose](), CASE_TIMEOUT_MS);

    for (const { id, about, attack } of cases) {
      it(`${id}: ${about}`, async () => {
        // Filled before the first case runs.
        const { server, neighbour } = bench as HostileBench;
        const before = await server.forgetPeak();
        const seen = await neighbour.during(attack(bench as HostileBench));
        const grownMiB = (await server.peakMiB()) - before;
        seenBy.set(id, { timesMs: seen.timesMs, grownMiB });
        expect(server.runs, server.log).toBe(true);
        expect(seen.wrong).toEqual([]);
        expect(grownMiB).toBeLessThan(MAX_GROWN_MIB);
      });
    }

    it("leaves the neighbour as fast as it was", () => {
      const rows = [...seenBy].map(([id, { timesMs, grownMiB }]) => ({
        id,
        rounds: timesMs.length,
        p50Ms: Math.round(percentile(timesMs, 50)),
        p99Ms: Math.round(percentile(timesMs, 99)),
        grownMiB,
      }));
      console.table(rows);
      const { p50, p99 } = (bench as HostileBench).neighbour.boundsMs;
      // A case has too few rounds for a 99th of 100: what is seldom is judged over all cases.
      expect(rows.filter(({ p50Ms }) => p50Ms > p50)).toEqual([]);
      const all = [...seenBy.values()].flatMap(({ timesMs }) => timesMs);
      expect(percentile(all, 99)).toBeLessThan(p99);
    });
  });
}

/** How long it takes somebody who has no session to run a first command. */
export async function timeOfSomebodyNew(server: HostileServer): Promise<number> {
  const begunMs = performance.now();
  const user = await HostileUser.open(server, `new-${randomUUID()}`);
  expect((await user.execute("echo in")).stdout).toBe("in\n");
  const tookMs = performance.now() - begunMs;
  await user.end();
  return tookMs;
}
