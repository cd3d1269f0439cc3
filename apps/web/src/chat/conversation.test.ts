import { expect, test } from "vitest";
import type { WireMessage } from "@carrel/server";
import type { ReceivedEvent } from "../api/event-stream.ts";
import { applyEvents, MAX_LIVE_OUTPUT, sendingTurn, turnsOfRecord } from "./conversation.ts";
import type { ToolPart, Turn } from "./conversation.ts";

const COMMAND_DETAIL = {
  kind: "command",
  command: "ls",
  outcome: "exited",
  exit_code: 0,
  signal: null,
  output: "a\n",
  truncated: false,
  duration_ms: 3,
} as const;

const TURN = numbered([
  ["turn-start", { turn_id: "t1", message: "list" }],
  ["text-delta", { text: "Let me " }],
  ["text-delta", { text: "look." }],
  ["tool-call", { id: "c1", name: "execute", args: { command: "ls" } }],
  ["tool-output", { id: "c1", text: "a" }],
  ["tool-output", { id: "c1", text: "\n" }],
  ["tool-result", { id: "c1", status: "success", content: "a\n", detail: COMMAND_DETAIL }],
  ["text-delta", { text: "One file." }],
  ["turn-end", { outcome: "completed", response: "One file.", session_id: "s" }],
]);

function numbered(events: [string, unknown][], first = 1): ReceivedEvent[] {
  return events.map(([event, data], index) => ({ id: first + index, event, data }));
}

function toolOf(turn: Turn): ToolPart {
  const tool = turn.parts.find((part) => part.type === "tool");
  if (tool?.type !== "tool") throw new Error("The turn has no tool.");
  return tool;
}

test("a whole turn becomes its text and its tool, in order", () => {
  expect(applyEvents(sendingTurn("list"), TURN)).toEqual({
    id: "t1",
    message: "list",
    parts: [
      { type: "text", text: "Let me look." },
      {
        type: "tool",
        id: "c1",
        name: "execute",
        args: { command: "ls" },
        status: "success",
        content: "a\n",
        detail: COMMAND_DETAIL,
        liveOutput: "a\n",
        liveOutputCut: false,
      },
      { type: "text", text: "One file." },
    ],
    state: "completed",
    error: null,
    lastEventId: 9,
    incomplete: false,
  });
});

test("every way to cut a turn in two, with any overlap, ends in the same turn", () => {
  const whole = applyEvents(sendingTurn("list"), TURN);
  for (let cut = 0; cut <= TURN.length; cut += 1) {
    for (let overlap = 0; overlap <= cut; overlap += 1) {
      const first = applyEvents(sendingTurn("list"), TURN.slice(0, cut));
      expect(applyEvents(first, TURN.slice(cut - overlap))).toEqual(whole);
    }
  }
});

test("an event that arrives twice is taken once", () => {
  const twice = TURN.flatMap((event) => [event, event]);
  expect(applyEvents(sendingTurn("list"), twice)).toEqual(applyEvents(sendingTurn("list"), TURN));
});

test("an unknown event changes nothing but the place in the stream", () => {
  const before = applyEvents(sendingTurn("list"), TURN.slice(0, 3));
  const after = applyEvents(before, [{ id: 4, event: "plan-update", data: { steps: [] } }]);
  expect(after).toEqual({ ...before, lastEventId: 4 });
});

test("the names of object members are unknown events", () => {
  const before = applyEvents(sendingTurn("list"), TURN.slice(0, 1));
  const after = applyEvents(
    before,
    numbered(
      [
        ["constructor", {}],
        ["__proto__", {}],
      ],
      2,
    ),
  );
  expect(after).toEqual({ ...before, lastEventId: 3 });
});

test("events after the end are not taken", () => {
  const whole = applyEvents(sendingTurn("list"), TURN);
  expect(applyEvents(whole, numbered([["text-delta", { text: "more" }]], 10))).toBe(whole);
});

test("a gap marks the turn as incomplete", () => {
  const turn = applyEvents(sendingTurn("list"), [...TURN.slice(0, 2), ...TURN.slice(3)]);
  expect(turn).toMatchObject({ state: "completed", incomplete: true });
});

test("output and results of an unknown tool mark the turn as incomplete", () => {
  const start = TURN.slice(0, 1);
  const output = numbered([["tool-output", { id: "nope", text: "x" }]], 2);
  expect(applyEvents(sendingTurn("list"), [...start, ...output])).toMatchObject({
    parts: [],
    incomplete: true,
  });
});

test("a tool that runs when the turn ends is unfinished", () => {
  const turn = applyEvents(sendingTurn("list"), [
    ...TURN.slice(0, 5),
    { id: 6, event: "turn-end", data: { outcome: "cancelled", response: "", session_id: "s" } },
  ]);
  expect(turn.state).toBe("cancelled");
  expect(toolOf(turn)).toMatchObject({ status: "unfinished", liveOutput: "a" });
});

test("two tools that run side by side get their own output and results", () => {
  const turn = applyEvents(
    sendingTurn("both"),
    numbered([
      ["turn-start", { turn_id: "t", message: "both" }],
      ["tool-call", { id: "a", name: "execute", args: {} }],
      ["tool-call", { id: "b", name: "execute", args: {} }],
      ["tool-output", { id: "b", text: "from b" }],
      ["tool-output", { id: "a", text: "from a" }],
      ["tool-result", { id: "b", status: "error", content: "failed", detail: null }],
    ]),
  );
  expect(turn.parts).toMatchObject([
    { id: "a", status: "running", liveOutput: "from a" },
    { id: "b", status: "error", liveOutput: "from b", content: "failed" },
  ]);
});

test("of a command's live output the end is kept", () => {
  const chunk = "0123456789".repeat(1000);
  const outputs = Array.from({ length: 8 }, (): [string, unknown] => [
    "tool-output",
    { id: "c", text: chunk },
  ]);
  const turn = applyEvents(
    sendingTurn("much"),
    numbered([
      ["turn-start", { turn_id: "t", message: "much" }],
      ["tool-call", { id: "c", name: "execute", args: {} }],
      ...outputs,
      ["tool-output", { id: "c", text: "the end" }],
    ]),
  );
  expect(toolOf(turn).liveOutput).toHaveLength(MAX_LIVE_OUTPUT);
  expect(toolOf(turn).liveOutput.endsWith("the end")).toBe(true);
  expect(toolOf(turn).liveOutputCut).toBe(true);
});

test("an answer that was not streamed is shown from the end of the turn", () => {
  const turn = applyEvents(
    sendingTurn("hi"),
    numbered([
      ["turn-start", { turn_id: "t", message: "hi" }],
      ["turn-end", { outcome: "completed", response: "Hello.", session_id: "s" }],
    ]),
  );
  expect(turn.parts).toEqual([{ type: "text", text: "Hello." }]);
});

test("a failed turn keeps what was said and says why it failed", () => {
  const error = { code: "unavailable", message: "The model did not answer." };
  const turn = applyEvents(sendingTurn("list"), [
    ...TURN.slice(0, 3),
    { id: 4, event: "turn-end", data: { outcome: "failed", response: "", session_id: "s", error } },
  ]);
  expect(turn).toMatchObject({ state: "failed", error, parts: [{ text: "Let me look." }] });
});

test("the record of a turn is the turn", () => {
  const record: WireMessage[] = [
    { role: "user", turn_id: "t1", text: "list" },
    {
      role: "assistant",
      turn_id: "t1",
      outcome: "completed",
      error: null,
      parts: [
        { type: "text", text: "Let me look." },
        {
          type: "tool",
          id: "c1",
          name: "execute",
          args: { command: "ls" },
          status: "success",
          content: "a\n",
          detail: COMMAND_DETAIL,
        },
        { type: "text", text: "One file." },
      ],
    },
    { role: "user", turn_id: "t2", text: "again" },
    { role: "assistant", turn_id: "t2", outcome: "cancelled", error: null, parts: [] },
  ];
  const [first, second] = turnsOfRecord(record);
  const streamed = applyEvents(sendingTurn("list"), TURN);
  const shown = { message: first?.message, state: first?.state, id: first?.id };
  expect(shown).toEqual({ message: streamed.message, state: streamed.state, id: streamed.id });
  expect(first?.parts.map((part) => part.type)).toEqual(["text", "tool", "text"]);
  expect(second).toMatchObject({ id: "t2", message: "again", state: "cancelled", parts: [] });
});
