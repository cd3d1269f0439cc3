import { describe, expect, it } from "vitest";
import { asleepAndAwake } from "../src/scenarios/asleep-and-awake.ts";
import { cycles } from "../src/scenarios/cycles.ts";
import { whyNoPrivateEngine } from "../src/engine/private-engine.ts";
import { engineFaults } from "../src/scenarios/engine-faults.ts";
import { engineRestarted } from "../src/scenarios/engine-restarted.ts";
import { exactlyOne } from "../src/scenarios/exactly-one.ts";
import { manyAsleep } from "../src/scenarios/many-asleep.ts";
import { meddledWith } from "../src/scenarios/meddled-with.ts";
import { serverKilled } from "../src/scenarios/server-killed.ts";
import type { Scenario } from "../src/scenarios/scenario.ts";
import { ENGINE_PATH, TEST_IMAGE, engineOrSkip } from "../src/testing/engine.ts";

/** The same in each run; `npm run soak` draws another. */
const SEED = 20_260_704;
/** Other tests may run beside these, on few processors. */
const PATIENCE = 2;
const SCENARIOS = [
  exactlyOne,
  serverKilled,
  asleepAndAwake,
  meddledWith,
  engineFaults,
  cycles,
  manyAsleep,
] as const;

/** Those in which several processes, or the dead and the living, share a store. */
const ON_POSTGRES = [exactlyOne, serverKilled] as const;
const POSTGRES_URL = process.env["CARREL_TEST_POSTGRES"] || undefined;

/** Nobody but root has a second engine, wherever that runs. */
const noPrivateEngine = await whyNoPrivateEngine();
const skipped = noPrivateEngine === null ? "" : ` (skipped: ${noPrivateEngine})`;

describe.skipIf(!engineOrSkip())("In a short run", { timeout: 120_000 }, () => {
  it.each(SCENARIOS)("$name: $about", (scenario) => expectNothingFound(scenario));

  it.skipIf(noPrivateEngine !== null).each([engineRestarted])(
    `$name: $about${skipped}`,
    { timeout: 240_000 },
    (scenario) => expectNothingFound(scenario),
  );

  it.skipIf(POSTGRES_URL === undefined && !process.env["CI"]).each(ON_POSTGRES)(
    "over PostgreSQL (CARREL_TEST_POSTGRES), $name: $about",
    async (scenario) => {
      expect(POSTGRES_URL).toBeDefined();
      await expectNothingFound(scenario, POSTGRES_URL);
    },
  );
});

async function expectNothingFound(
  { name, run, shortRounds }: Scenario,
  postgresUrl?: string,
): Promise<void> {
  const lines: string[] = [];
  const report = await run({
    seed: SEED,
    rounds: shortRounds,
    minutes: 1,
    patience: PATIENCE,
    image: TEST_IMAGE,
    enginePath: ENGINE_PATH,
    postgresUrl,
    onProgress: (line) => lines.push(line),
  });
  const told = [`npm run soak -- ${name} --seed ${SEED}`, ...lines].join("\n");
  expect(report.violations, told).toEqual([]);
  expect(report.rounds).toBeGreaterThan(0);
}
