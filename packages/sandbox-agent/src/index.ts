export { AgentSandbox } from "./agent-sandbox.ts";
export type { AgentSandboxOptions } from "./agent-sandbox.ts";
export type { DiskUsage } from "./wire.ts";
export type { AgentChannelOptions } from "./agent-channel.ts";
export { AgentConnection } from "./connection.ts";
export { findAgentBinary } from "./agent-binary.ts";
export type { AgentArchitecture, AgentBinary } from "./agent-binary.ts";
