import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { describeAttacks, timeOfSomebodyNew } from "./hostile-bench.ts";
import type { HostileBench } from "./hostile-bench.ts";
import { HostileUser } from "./hostile-user.ts";

/** More than all sessions that a server has. */
const SESSIONS = 10_500;
/** Each one has a sandbox of its own. */
const ANONYMOUS_SESSIONS = 100;
const GREEDY_MS = 40_000;
const AT_ONCE = 20;
const ANONYMOUS_CALLERS = 60;
const FLOOD_MS = 4000;
/** Somebody new may wait so much longer than on a quiet machine, while others open what they can. */
const SLOWDOWN = 10;
/** What a busy machine may take without anybody's fault. */
const FLOOR_MS = 5000;

async function expectRoomForSomebodyNew({ server, newUserMs }: HostileBench): Promise<void> {
  expect(await timeOfSomebodyNew(server)).toBeLessThan(Math.max(FLOOR_MS, SLOWDOWN * newUserMs));
}

/** Do something again and again, so many at a time, until told otherwise. */
async function repeatedly(times: number, next: () => Promise<boolean>): Promise<void> {
  const one = async (): Promise<void> => {
    while (await next());
  };
  await Promise.all(Array.from({ length: times }, one));
}

describeAttacks("U: shares of what all users have together", [
  {
    id: "U1",
    about: "one user opens sessions without end",
    async attack(bench) {
      let asked = 0;
      let refused = 0;
      const endMs = performance.now() + GREEDY_MS;
      const path = `/sessions?user_id=greedy-${randomUUID()}`;
      await repeatedly(AT_ONCE, async () => {
        const { status } = await bench.server.ask(path, { method: "POST" });
        if (status !== 200) refused++;
        return ++asked < SESSIONS && refused < AT_ONCE && performance.now() < endMs;
      });
      await expectRoomForSomebodyNew(bench);
      expect(refused).toBeGreaterThan(0);
    },
  },
  {
    id: "U2",
    about: "callers without a user open sessions without end",
    async attack(bench) {
      let refused = 0;
      let asked = 0;
      await repeatedly(AT_ONCE, async () => {
        const { status } = await bench.server.ask("/sessions", { method: "POST" });
        if (status !== 200) refused++;
        return ++asked < ANONYMOUS_SESSIONS && refused < AT_ONCE;
      });
      await expectRoomForSomebodyNew(bench);
    },
  },
  {
    id: "U3",
    about: "60 callers without a user open and end sessions",
    async attack(bench) {
      const endMs = performance.now() + FLOOD_MS;
      const flood = repeatedly(ANONYMOUS_CALLERS, async () => {
        await HostileUser.open(bench.server, null).then(
          (user) => user.end(),
          () => undefined,
        );
        return performance.now() < endMs;
      });
      await expectRoomForSomebodyNew(bench);
      await flood;
    },
  },
  {
    id: "U4",
    about: "one user has 400 commands at a time",
    async attack(bench) {
      const user = await HostileUser.open(bench.server, `busy-${randomUUID()}`);
      const running = Array.from({ length: 400 }, () =>
        user.execute("sleep 2", { deadlineMs: FLOOD_MS }).catch(() => null),
      );
      await expectRoomForSomebodyNew(bench);
      await Promise.all(running);
      await user.end();
    },
  },
  {
    id: "U5",
    about: "one user begins a turn of chat in each of 200 sessions",
    async attack(bench) {
      const name = `talker-${randomUUID()}`;
      const users = await Promise.all(
        Array.from({ length: 200 }, () => HostileUser.open(bench.server, name).catch(() => null)),
      );
      const body = { message: "run `sleep 3`" };
      const turns = users.map(async (user) =>
        user?.ask("/chat", { method: "POST", body, deadlineMs: FLOOD_MS }).catch(() => null),
      );
      await expectRoomForSomebodyNew(bench);
      await Promise.all(turns);
    },
  },
]);
