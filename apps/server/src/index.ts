export { createApp } from "./app.ts";
export type { App as AppType } from "./app.ts";
export type { AppServices } from "./services.ts";
export type { ChatEventName, WireChatEvent, WireTurnOutcome } from "./wire/chat.ts";
export type { WireCommandOutcome, WireExecuteRequest, WireExecuteResult } from "./wire/command.ts";
export type { ErrorCode, WireError, WireErrorDetail } from "./wire/error.ts";
export type {
  WireFileEntry,
  WireFileList,
  WireRemovedFile,
  WireWrittenFile,
} from "./wire/files.ts";
export type { WireHealth } from "./wire/health.ts";
export type { WireMessage, WireMessageList, WireMessagePart } from "./wire/messages.ts";
export type { WireOpeningEvent, WireSession, WireStartProgress } from "./wire/session.ts";
export type { WireToolDetail } from "./wire/tool-detail.ts";
