import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, test } from "vitest";
import { Installation, KilledError } from "../test/many-managers.ts";
import type { Server } from "../test/many-managers.ts";
import { Random } from "../test/random.ts";

const USERS = ["alice", "bob", "carol"] as const;
const TTL = 30_000;

/** Three servers on one engine and one store, with callers who do as they please at all of them. */
class Town {
  readonly installation: Installation;
  readonly random: Random;
  readonly written: { user: string; file: string }[] = [];
  readonly ids: [string, ...string[]] = ["ses_none"];
  readonly faults: unknown[] = [];
  servers: [Server, ...Server[]];
  #serial = 0;

  constructor(installation: Installation, seed: number) {
    this.installation = installation;
    this.random = new Random(seed);
    this.servers = [this.#start(), this.#start(), this.#start()];
    const { provider } = installation;
    provider.beforeCreate = () => this.random.yield();
  }

  #start(): Server {
    return this.installation.start({
      storeIntervalMs: 5,
      maxConcurrentStarts: 2,
      backgroundWork: "ignored",
    });
  }

  async run(callers: number, steps: number): Promise<void> {
    await Promise.all(Array.from({ length: callers }, () => this.#caller(steps)));
  }

  /** Kill a server, let time pass until it is known to be dead, and start another. */
  async replaceOne(): Promise<void> {
    for (let turns = this.random.next() * 30; turns > 0; turns--) await this.random.yield();
    const dead = this.servers.pop();
    dead?.kill();
    this.installation.clock.advance(TTL);
    const next = this.#start();
    this.servers.push(next);
    expect((await next.manager.recover()).failed).toBe(0);
  }

  async #caller(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.random.yield();
      try {
        await this.#act();
      } catch (error) {
        if (!isExcused(error)) this.faults.push(error);
      }
    }
  }

  #act(): Promise<void> {
    const server = this.random.pick(this.servers);
    return Promise.race([this.#actAt(server), server.died]);
  }

  async #actAt({ manager }: Server): Promise<void> {
    const { random } = this;
    const user = random.pick(USERS);
    const dice = random.next();
    if (dice < 0.4) {
      const sandbox = await manager.getOrCreate(user);
      await random.yield();
      const file = `${this.#serial++}`;
      await sandbox.write(file, "");
      this.written.push({ user, file });
    } else if (dice < 0.5) this.ids.push(await manager.createSession({ userId: user }));
    else if (dice < 0.55) this.ids.push(await manager.createSession());
    else if (dice < 0.7) await (await manager.getSession(random.pick(this.ids))).execute("true");
    else if (dice < 0.8) await manager.endSession(random.pick(this.ids));
    else if (dice < 0.85) await manager.release(user);
    else await manager.cleanupIdle(0);
  }
}

function isExcused(error: unknown): boolean {
  if (error instanceof KilledError) return true;
  if (!SandboxError.isInstance(error)) return false;
  return error.code === "not-found" || (error.code === "gone" && error.message.includes("ended"));
}

async function expectSound({ installation, servers, ids, written, faults }: Town): Promise<void> {
  const { provider, store } = installation;
  expect(faults).toEqual([]);
  for (const { user, file } of written) {
    expect(provider.files.get(user)?.has(file), `${user}/${file}`).toBe(true);
  }
  const [{ manager }] = servers;
  for (const id of [...USERS, ...ids]) await manager.endSession(id);
  await expect
    .poll(() => Object.values(provider.statuses()).filter((status) => status !== "stopped"))
    .toEqual([]);
  expect(await store.count()).toBe(0);
  await expect
    .poll(() => [...provider.files.keys()].filter((key) => key.startsWith("ses_")))
    .toEqual([]);
}

const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1);

describe("whatever callers do at three servers at the same time", () => {
  test.for(SEEDS)("nobody is disturbed and nothing is lost (seed %i)", async (seed) => {
    await using installation = new Installation();
    const town = new Town(installation, seed);
    await town.run(12, 25);
    await expectSound(town);
  });

  test.for(SEEDS)("also where servers are killed and replaced (seed %i)", async (seed) => {
    await using installation = new Installation();
    const town = new Town(installation, seed);
    for (let round = 0; round < 4; round++) {
      await Promise.all([town.run(8, 15), town.replaceOne()]);
    }
    await town.replaceOne();
    await expectSound(town);
  });
});

test("fifty callers at three servers that ask for one user get one sandbox", async () => {
  await using installation = new Installation();
  let creations = 0;
  installation.provider.beforeCreate = async () => void (creations += 1);
  const servers = [1, 2, 3].map(() => installation.start().manager);
  const opened = await Promise.all(
    Array.from({ length: 50 }, (_, index) => servers[index % 3]!.getOrCreate("alice")),
  );
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  expect(installation.provider.machines.size).toBe(1);
  expect(creations).toBeLessThan(4);
  expect(await installation.store.count()).toBe(1);
});
