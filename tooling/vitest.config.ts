import { packageTests } from "./vitest.ts";

export default packageTests(import.meta.dirname, { include: ["**/*.test.ts"] });
