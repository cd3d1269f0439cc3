import { asleepAndAwake } from "./asleep-and-awake.ts";
import { cycles } from "./cycles.ts";
import { engineFaults } from "./engine-faults.ts";
import { engineRestarted } from "./engine-restarted.ts";
import { exactlyOne } from "./exactly-one.ts";
import { manyAsleep } from "./many-asleep.ts";
import { meddledWith } from "./meddled-with.ts";
import type { Scenario } from "./scenario.ts";
import { serverKilled } from "./server-killed.ts";

export const SCENARIOS: readonly Scenario[] = [
  exactlyOne,
  serverKilled,
  asleepAndAwake,
  meddledWith,
  engineFaults,
  engineRestarted,
  cycles,
  manyAsleep,
];
