import { parseArgs } from "node:util";
import type { Scenario } from "../scenarios/scenario.ts";

export interface SoakArguments {
  scenarios: readonly Scenario[];
  /** For each scenario. */
  minutes: number;
  seed: number;
  rounds: number | null;
  store: Store;
}

export type Store = (typeof STORES)[number];

const DEFAULT_MINUTES = 10;
const STORES = ["sqlite", "postgres"] as const;

/** @throws Error with how it is used, where it was used otherwise */
export function readArguments(
  args: readonly string[],
  { known, randomSeed }: { known: readonly Scenario[]; randomSeed: number },
): SoakArguments {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      minutes: { type: "string", default: String(DEFAULT_MINUTES) },
      seed: { type: "string", default: String(randomSeed) },
      rounds: { type: "string" },
      store: { type: "string", default: "sqlite" },
    },
  });
  const scenarios = positionals.map((name) => {
    const found = known.find((each) => each.name === name);
    if (found) return found;
    throw new Error(`No scenario is named ${JSON.stringify(name)}.\n${usage(known)}`);
  });
  const { rounds } = values;
  return {
    scenarios: scenarios.length > 0 ? scenarios : known,
    minutes: positive("minutes", values.minutes),
    seed: Math.floor(positive("seed", values.seed)),
    rounds: rounds === undefined ? null : positive("rounds", rounds),
    store: storeOf(values.store),
  };
}

function storeOf(text: string): Store {
  const store = STORES.find((each) => each === text);
  if (store) return store;
  throw new Error(`--store must be ${STORES.join(" or ")}, not ${JSON.stringify(text)}.`);
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new Error(`--${name} must be a number above 0, not ${JSON.stringify(text)}.`);
}

function usage(known: readonly Scenario[]): string {
  const lines = known.map(({ name, about }) => `  ${name.padEnd(18)}${about}`);
  return [
    "npm run soak [-- SCENARIO… --minutes M --rounds N --seed S --store sqlite|postgres]",
    "Each scenario runs for M minutes, or N rounds where that is less:",
    ...lines,
  ].join("\n");
}
