import { randomInt } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, release, totalmem } from "node:os";
import { SCENARIOS } from "../scenarios/all-scenarios.ts";
import type { Scenario, ScenarioReport } from "../scenarios/scenario.ts";
import { readArguments } from "./arguments.ts";
import type { SoakArguments } from "./arguments.ts";

/**
 * The scenarios at length: `npm run soak [-- SCENARIO… --minutes M --rounds N --seed S --store STORE]`. A
 * table goes to the terminal and everything to `test-results/soak.json`. What was found makes it fail.
 */
const RESULTS = new URL("../../test-results/", import.meta.url);
const SHOWN_VIOLATIONS = 20;
const MAX_SEED = 2 ** 31;

const image = process.env.CARREL_TEST_IMAGE ?? "python:3.12-slim";
const host = process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock";

try {
  const chosen = readArguments(process.argv.slice(2), {
    known: SCENARIOS,
    randomSeed: randomInt(1, MAX_SEED),
  });
  const reports: ScenarioReport[] = [];
  for (const scenario of chosen.scenarios) {
    reports.push(await runOne(scenario, chosen));
    await save(reports);
  }
  console.table(reports.map(rowOf));
  for (const report of reports) tellViolations(report);
  process.exitCode = reports.some(({ violations }) => violations.length > 0) ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function runOne(
  scenario: Scenario,
  { minutes, seed, rounds, store }: SoakArguments,
): Promise<ScenarioReport> {
  console.log(`${scenario.name}, seed ${seed}: ${scenario.about}`);
  return scenario.run({
    seed,
    minutes,
    rounds: rounds ?? scenario.longRounds,
    image,
    enginePath: host.replace(/^unix:\/\//, ""),
    postgresUrl: store === "postgres" ? requirePostgres() : undefined,
    onProgress: (line) => console.log(`  ${line}`),
  });
}

function requirePostgres(): string {
  const url = process.env.CARREL_TEST_POSTGRES;
  if (url) return url;
  throw new Error(
    "CARREL_TEST_POSTGRES names no PostgreSQL, which `npm run soak` starts on Linux.",
  );
}

function rowOf({ name, seed, rounds, durationMs, figures, violations }: ScenarioReport): object {
  const told = Object.entries(figures).map(([figure, value]) => `${figure} ${value}`);
  return {
    scenario: name,
    seed,
    rounds,
    seconds: Math.round(durationMs / 1000),
    found: violations.length,
    figures: told.join(", "),
  };
}

function tellViolations({ name, seed, violations }: ScenarioReport): void {
  for (const { rule, key, message } of violations.slice(0, SHOWN_VIOLATIONS)) {
    console.log(`${name} (seed ${seed}) ${rule} for ${key}: ${message}`);
  }
  const more = violations.length - SHOWN_VIOLATIONS;
  if (more > 0) console.log(`${name}: and ${more} more in test-results/soak.json`);
}

async function save(reports: readonly ScenarioReport[]): Promise<void> {
  const machine = {
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    image,
  };
  await mkdir(RESULTS, { recursive: true });
  const text = JSON.stringify({ machine, reports }, null, 2);
  await writeFile(new URL("soak.json", RESULTS), `${text}\n`);
}
