import { expect, it } from "vitest";
import type { Scenario } from "../scenarios/scenario.ts";
import { readArguments } from "./arguments.ts";

const scenario = (name: string): Scenario => ({
  name,
  about: "tries something",
  shortRounds: 1,
  longRounds: 2,
  run: () => Promise.reject(new Error("not here")),
});
const about = { known: [scenario("a"), scenario("b")], randomSeed: 7 };

it("runs all scenarios with a seed of chance where nothing is said", () => {
  const { scenarios, seed, rounds } = readArguments([], about);
  expect(scenarios).toBe(about.known);
  expect([seed, rounds]).toEqual([7, null]);
});

it("runs those that are named, as long as is said", () => {
  const args = ["b", "--minutes", "0.5", "--seed", "9", "--rounds", "3", "--store", "postgres"];
  expect(readArguments(args, about)).toEqual({
    scenarios: [about.known[1]],
    minutes: 0.5,
    seed: 9,
    rounds: 3,
    store: "postgres",
  });
});

it("says how it is used where it was used otherwise", () => {
  expect(() => readArguments(["c"], about)).toThrow(/"c"[\s\S]*tries something/);
  expect(() => readArguments(["--seed", "x"], about)).toThrow("--seed must be a number");
  expect(() => readArguments(["--store", "x"], about)).toThrow("sqlite or postgres");
  expect(() => readArguments(["--wrong"], about)).toThrow("--wrong");
});
