export { describeSessionStoreConformance } from "./describe-session-store-conformance.ts";
export type {
  SessionStoreConformanceOptions,
  SessionStoreSubject,
} from "./describe-session-store-conformance.ts";
