export { MAX_ARTIFACT_CHARACTERS } from "./artifacts.ts";
export type { CommandArtifact, ConsoleArtifact, EditArtifact, WriteArtifact } from "./artifacts.ts";
export { CONSOLE_TOOL_NAMES } from "./console-tool.ts";
export type { ConsoleToolName } from "./console-tool.ts";
export { createConsoleToolset } from "./create-console-toolset.ts";
export type { ConsoleToolsetOptions } from "./create-console-toolset.ts";
export { CONSOLE_SYSTEM_PROMPT } from "./system-prompt.ts";
