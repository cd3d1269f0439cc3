import { defineConfig } from "oxlint";
import { boundaries } from "./tooling/lint/boundaries.ts";

const TESTS = ["**/*.test.{ts,tsx}", "**/{test,e2e,testing,conformance,store-conformance}/**"];

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "node", "react"],
  options: { typeAware: true, denyWarnings: true, reportUnusedDisableDirectives: "error" },
  categories: { correctness: "error" },
  rules: {
    "eslint/max-lines": ["error", 400],
    "eslint/max-lines-per-function": ["error", 80],
    "eslint/max-params": ["error", 4],
    "import/no-cycle": "error",
    "node/no-process-env": "error",
    "typescript/no-explicit-any": "error",
    "typescript/no-import-type-side-effects": "error",
    "typescript/no-misused-promises": "error",
    "typescript/no-unsafe-argument": "error",
    "typescript/no-unsafe-assignment": "error",
    "typescript/no-unsafe-call": "error",
    "typescript/no-unsafe-member-access": "error",
    "typescript/no-unsafe-return": "error",
    "typescript/switch-exhaustiveness-check": [
      "error",
      { considerDefaultExhaustiveForUnions: true },
    ],
    // `string | "open"` tells the reader which string has a meaning.
    "typescript/no-redundant-type-constituents": "off",
  },
  overrides: [
    ...boundaries,
    {
      files: TESTS,
      rules: {
        "eslint/max-lines-per-function": "off",
        "node/no-process-env": "off",
        // Matchers such as `expect.any` and parsed answers are `any`.
        "typescript/no-unsafe-argument": "off",
        "typescript/no-unsafe-assignment": "off",
        "typescript/no-unsafe-call": "off",
        "typescript/no-unsafe-member-access": "off",
        "typescript/no-unsafe-return": "off",
        // Fixtures are objects of functions that need no `this`.
        "typescript/unbound-method": "off",
      },
    },
    {
      // Where the environment enters: programs, and what is around builds and tests.
      files: [
        "apps/server/src/main.ts",
        "apps/web/vite.config.ts",
        "packages/*/bench/*.ts",
        "packages/docker-sandbox/src/doctor/main.ts",
        "packages/fault-harness/src/soak/main.ts",
        "tooling/**",
      ],
      rules: { "node/no-process-env": "off" },
    },
  ],
});
