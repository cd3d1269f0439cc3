import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDockerProvider } from "./docker-provider.ts";
import type { DockerProviderOptions } from "./provider-options.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "./testing/engine.ts";
import { startHoldingProxy } from "./testing/holding-proxy.ts";
import { expectNoWarmLeaks, untilWarm } from "./testing/warm.ts";

const TIMEOUT_MS = 120_000;
/** Amid each of the steps, on a machine that is fast and on one that is slow. */
const PATIENCES_MS = [0, 2, 5, 10, 20, 40, 80];

describe.skipIf(!engineOrSkip())("A creation that was given up", { timeout: TIMEOUT_MS }, () => {
  let options: DockerProviderOptions & { workspaceRoot: string };

  beforeEach(async () => {
    const workspaceRoot = await mkdtemp(join(tmpdir(), "carrel-given-up-"));
    options = { workspaceRoot, image: TEST_IMAGE, engine: testEngineOptions() };
  });
  afterEach(async () => {
    // With a pool, whose directories are looked at next, also where there was none.
    await using provider = await createDockerProvider({ ...options, warm: { size: 1 } });
    for (const { key } of await provider.list()) await provider.remove(key);
    await provider[Symbol.asyncDispose]();
    await expectNoWarmLeaks(options.workspaceRoot);
    await rm(options.workspaceRoot, { recursive: true, force: true });
  }, TIMEOUT_MS);

  it.each([0, 1])("takes nothing from who creates next, with %i kept warm", async (size) => {
    await using provider = await createDockerProvider({ ...options, warm: { size } });
    for (const patienceMs of PATIENCES_MS) {
      const key = `patience ${patienceMs}`;
      if (size > 0) await untilWarm(provider, size);
      const stop = new AbortController();
      const first = provider.create(key, { signal: stop.signal }).catch(() => null);
      await sleep(patienceMs);
      stop.abort();
      await first;
      const sandbox = (await provider.find(key)) ?? (await provider.create(key));
      const { outcome, stdout } = await sandbox.execute("sleep 0.5; echo done");
      expect({ patienceMs, outcome, stdout }).toEqual({
        patienceMs,
        outcome: "exited",
        stdout: "done\n",
      });
      await sandbox.destroy();
    }
  });

  it("is a claim all the same where only its answer is lost", async () => {
    await using proxy = await startHoldingProxy(/^POST .*\/rename/);
    await using provider = await createDockerProvider({
      ...options,
      engine: { host: proxy.host },
      warm: { size: 1 },
    });
    await untilWarm(provider, 1);
    const phases: string[] = [];
    const sandbox = await provider.create("alice", {
      onProgress: ({ phase }) => phases.push(phase),
    });
    expect(phases).toEqual(["claiming"]);
    expect((await sandbox.execute("echo hers")).stdout).toBe("hers\n");
  });
});
