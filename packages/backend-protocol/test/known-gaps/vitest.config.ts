import { packageTests } from "../../../../tooling/vitest.ts";

// What these files register is meant to fail in part; `src/conformance/register-tests.test.ts` runs
// them and looks at the outcome.
export default packageTests(import.meta.dirname, {
  include: ["*.fixture.ts"],
  reporters: ["json"],
});
