export { EngineProxy } from "./proxy/engine-proxy.ts";
export type { EngineProxyOptions, ProxyStatistics } from "./proxy/engine-proxy.ts";
export type { Fault, FaultRule, Flow } from "./proxy/fault.ts";
export { checkHistory } from "./history/check-history.ts";
export type { CheckOptions } from "./history/check-history.ts";
export { HistoryRecorder, ProcessKilled } from "./history/history-recorder.ts";
export type {
  Call,
  CallResult,
  ContainerLife,
  History,
  Operation,
  Violation,
} from "./history/history.ts";
