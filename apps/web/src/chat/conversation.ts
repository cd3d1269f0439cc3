import type {
  WireChatEvent,
  WireErrorDetail,
  WireMessage,
  WireMessagePart,
  WireToolDetail,
  WireTurnOutcome,
} from "@carrel/server";
import type { ReceivedEvent } from "../api/event-stream.ts";

interface TextPart {
  type: "text";
  text: string;
}

export interface ToolPart {
  type: "tool";
  id: string;
  name: string;
  args: Readonly<Record<string, unknown>>;
  /** `unfinished`: the turn ended before the tool did. */
  status: "running" | "success" | "error" | "unfinished";
  /** What the model was told; "" until the tool ended. */
  content: string;
  detail: WireToolDetail | null;
  /** What a command wrote so far: its end, at most {@link MAX_LIVE_OUTPUT} characters. */
  liveOutput: string;
  /** The beginning of `liveOutput` was dropped. */
  liveOutputCut: boolean;
}

type TurnPart = TextPart | ToolPart;

/** One message of the user and all that the agent did for it. */
export interface Turn {
  /** `null` until the server has taken the message. */
  id: string | null;
  message: string;
  parts: readonly TurnPart[];
  state: "sending" | "running" | WireTurnOutcome;
  error: WireErrorDetail | null;
  /** Number of the last event that is in here; 0 before the first. */
  lastEventId: number;
  /** Events are missing: the server's record has to replace this turn once it has ended. */
  incomplete: boolean;
}

export const MAX_LIVE_OUTPUT = 64 * 1024;

export function sendingTurn(message: string): Turn {
  return {
    id: null,
    message,
    parts: [],
    state: "sending",
    error: null,
    lastEventId: 0,
    incomplete: false,
  };
}

export function isActive(turn: Turn): boolean {
  return turn.state === "sending" || turn.state === "running";
}

/** The finished turns of a record, in the order in which they happened. */
export function turnsOfRecord(messages: readonly WireMessage[]): Turn[] {
  const turns = new Map<string, Turn>();
  for (const message of messages) {
    const turn = turns.get(message.turn_id) ?? {
      ...sendingTurn(""),
      id: message.turn_id,
      state: "completed" as const,
    };
    turns.set(
      message.turn_id,
      message.role === "user"
        ? { ...turn, message: message.text }
        : {
            ...turn,
            state: message.outcome,
            error: message.error,
            parts: [...turn.parts, ...message.parts.map(partOfRecord)],
          },
    );
  }
  return [...turns.values()];
}

function partOfRecord(part: WireMessagePart): TurnPart {
  return part.type === "text" ? part : { ...part, liveOutput: "", liveOutputCut: false };
}

/** A turn after some more events. Events that it has already, and unknown ones, change nothing. */
export function applyEvents(turn: Turn, events: readonly ReceivedEvent[]): Turn {
  return events.reduce(applyEvent, turn);
}

function applyEvent(turn: Turn, received: ReceivedEvent): Turn {
  if (received.id <= turn.lastEventId || !(turn.state === "sending" || turn.state === "running")) {
    return turn;
  }
  const next: Turn = {
    ...turn,
    lastEventId: received.id,
    incomplete: turn.incomplete || received.id !== turn.lastEventId + 1,
  };
  return isKnown(received) ? applyKnownEvent(next, received) : next;
}

const KNOWN_EVENTS: Readonly<Record<WireChatEvent["event"], true>> = {
  "turn-start": true,
  "text-delta": true,
  "tool-call": true,
  "tool-output": true,
  "tool-result": true,
  "turn-end": true,
};

// The server and this page are of one build, so that a known name has the shape it stands for.
function isKnown(received: ReceivedEvent): received is ReceivedEvent & WireChatEvent {
  return Object.hasOwn(KNOWN_EVENTS, received.event);
}

function applyKnownEvent(turn: Turn, { event, data }: WireChatEvent): Turn {
  switch (event) {
    case "turn-start":
      return { ...turn, id: data.turn_id, message: data.message, state: "running" };
    case "text-delta":
      return { ...turn, parts: withText(turn.parts, data.text) };
    case "tool-call":
      return { ...turn, parts: [...turn.parts, { ...EMPTY_TOOL, ...data }] };
    case "tool-output":
      return withTool(turn, data.id, (tool) => withLiveOutput(tool, data.text));
    case "tool-result": {
      const { status, content, detail } = data;
      return withTool(turn, data.id, (tool) => ({ ...tool, status, content, detail }));
    }
    case "turn-end":
      return endTurn(turn, data.outcome, data.response, data.error ?? null);
  }
}

const EMPTY_TOOL = {
  type: "tool",
  status: "running",
  content: "",
  detail: null,
  liveOutput: "",
  liveOutputCut: false,
} as const;

function withText(parts: readonly TurnPart[], text: string): TurnPart[] {
  const last = parts.at(-1);
  if (last?.type !== "text") return [...parts, { type: "text", text }];
  return [...parts.slice(0, -1), { type: "text", text: last.text + text }];
}

function withTool(turn: Turn, id: string, change: (tool: ToolPart) => ToolPart): Turn {
  const index = turn.parts.findIndex((part) => part.type === "tool" && part.id === id);
  const tool = turn.parts[index];
  if (tool?.type !== "tool") return { ...turn, incomplete: true };
  return { ...turn, parts: turn.parts.with(index, change(tool)) };
}

function withLiveOutput(tool: ToolPart, text: string): ToolPart {
  const output = tool.liveOutput + text;
  return {
    ...tool,
    liveOutput: output.slice(-MAX_LIVE_OUTPUT),
    liveOutputCut: tool.liveOutputCut || output.length > MAX_LIVE_OUTPUT,
  };
}

function endTurn(
  turn: Turn,
  outcome: WireTurnOutcome,
  response: string,
  error: WireErrorDetail | null,
): Turn {
  const parts = turn.parts.map((part) =>
    part.type === "tool" && part.status === "running"
      ? { ...part, status: "unfinished" as const }
      : part,
  );
  const saidNothing = !parts.some((part) => part.type === "text" && part.text !== "");
  return {
    ...turn,
    parts: saidNothing && response !== "" ? withText(parts, response) : parts,
    state: outcome,
    error,
  };
}
