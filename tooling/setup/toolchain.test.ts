import { expect, test } from "vitest";
import { runsSources } from "./toolchain.mjs";

test.each(["24.11.0", "24.21.0", "26.0.0", "27.3.1"])("Node %s is used as it is", (version) =>
  expect(runsSources(version)).toBe(true),
);

test.each(["18.0.0", "20.20.2", "22.23.3", "23.11.0", "24.10.0", "25.9.0"])(
  "instead of Node %s another one is fetched",
  (version) => expect(runsSources(version)).toBe(false),
);
