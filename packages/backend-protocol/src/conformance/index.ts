export type { ConformanceOptions, ConformanceSubject } from "./conformance-options.ts";
export { describeSandboxConformance } from "./describe-sandbox-conformance.ts";
export type { ConformancePart } from "./groups.ts";
export type { KnownGap } from "./known-gaps.ts";
