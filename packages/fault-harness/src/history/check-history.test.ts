import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { checkHistory } from "./check-history.ts";
import { HistoryRecorder, ProcessKilled } from "./history-recorder.ts";
import type { Call, CallResult, ContainerLife, Operation } from "./history.ts";

const OK: CallResult = { kind: "ok", value: null };
const UNKNOWN: CallResult = { kind: "unknown" };
const FAILED: CallResult = { kind: "error", code: "unavailable", message: "The engine is down." };

interface Given {
  at: [number, number | null];
  result?: CallResult;
  key?: string;
}

function call(operation: Operation, { at, result = OK, key = "ann" }: Given): Call {
  const [startedAtMs, endedAtMs] = at;
  return { operation, key, caller: "c", startedAtMs, endedAtMs, deadlineMs: 1000, result };
}

function write(text: string, given: Given): Call {
  return call({ name: "write", path: "f", text }, given);
}

function read(value: string | null, at: [number, number], key = "ann"): Call {
  return call({ name: "read", path: "f" }, { at, key, result: { kind: "ok", value } });
}

function append(text: string, given: Given): Call {
  return call({ name: "append", path: "log", text }, given);
}

function lines(value: string[], at: [number, number]): Call {
  return call({ name: "lines", path: "log" }, { at, result: { kind: "ok", value } });
}

function identify(value: string, at: [number, number]): Call {
  return call({ name: "identify" }, { at, result: { kind: "ok", value } });
}

function life(id: string, from: number, until: number | null, key = "ann"): ContainerLife {
  return { id, key, createdAtMs: from, removedAtMs: until };
}

/** The rules that it breaks. */
function judge(calls: Call[], containers: ContainerLife[] = []): string[] {
  const allowed = { every: ["unavailable"], look: ["capacity"] } as const;
  return checkHistory({ calls, containers }, { allowed, deadlineGraceMs: 100 }).map(
    ({ rule }) => rule,
  );
}

describe("The contents of a file", () => {
  it("may be what the last write before it left, or one at the same time", () => {
    expect(judge([read(null, [0, 1]), write("a", { at: [2, 3] }), read("a", [4, 5])])).toEqual([]);
    const both = [write("a", { at: [0, 1] }), write("b", { at: [2, 9] })];
    expect(judge([...both, read("a", [4, 5])])).toEqual([]);
    expect(judge([...both, read("b", [4, 5])])).toEqual([]);
  });

  it("may or may not be what a write left that failed, however late", () => {
    for (const result of [FAILED, UNKNOWN]) {
      const calls = [write("a", { at: [0, 1] }), write("b", { at: [2, 3], result })];
      expect(judge([...calls, read("a", [4, 5]), read("b", [6, 7])])).toEqual([]);
    }
  });

  it("must not be older than an acknowledged write", () => {
    const calls = [write("a", { at: [0, 1] }), write("b", { at: [2, 3] })];
    expect(judge([...calls, read("a", [4, 5])])).toEqual(["nothing-lost"]);
    expect(judge([...calls, read(null, [4, 5])])).toEqual(["nothing-lost"]);
  });

  it("must not be another user's, nobody's, or of the future", () => {
    const theirs = write("b", { at: [0, 1], key: "ben" });
    expect(judge([theirs, read("b", [2, 3])])).toEqual(["nothing-mixed"]);
    expect(judge([read("x", [2, 3])])).toEqual(["nothing-mixed"]);
    expect(judge([read("a", [2, 3]), write("a", { at: [4, 5] })])).toEqual(["nothing-mixed"]);
  });

  it("is not judged by a read that failed", () => {
    const failed = call({ name: "read", path: "f" }, { at: [4, 5], result: FAILED });
    expect(judge([write("a", { at: [0, 1] }), failed])).toEqual([]);
  });
});

describe("A command", () => {
  it("that was acknowledged was done once; one that failed once or never", () => {
    const calls = [append("a", { at: [0, 1] }), append("b", { at: [2, 3], result: FAILED })];
    expect(judge([...calls, lines(["a"], [4, 5])])).toEqual([]);
    expect(judge([...calls, lines(["a", "b"], [4, 5])])).toEqual([]);
  });

  it("must not be done twice, forgotten, or be somebody else's", () => {
    const calls = [append("a", { at: [0, 1], result: FAILED }), append("b", { at: [2, 3] })];
    expect(judge([...calls, lines(["a", "a", "b"], [4, 5])])).toEqual(["done-once"]);
    expect(judge([...calls, lines(["a"], [4, 5])])).toEqual(["nothing-lost"]);
    expect(judge([...calls, lines(["b", "x"], [4, 5])])).toEqual(["nothing-mixed"]);
  });
});

describe("The sandboxes of a key", () => {
  it("may follow each other", () => {
    expect(judge([], [life("1", 0, 5), life("2", 5, null), life("3", 1, 2, "ben")])).toEqual([]);
    const seen = [identify("x", [0, 1]), identify("x", [4, 7]), identify("y", [5, 6])];
    expect(judge([...seen, identify("y", [8, 9])])).toEqual([]);
  });

  it("must not be two at a time, on the engine or from the inside", () => {
    expect(judge([], [life("1", 0, 5), life("2", 4, 6)])).toEqual(["one-sandbox-per-key"]);
    expect(judge([], [life("1", 0, null), life("2", 4, 6), life("3", 7, 8)])).toHaveLength(2);
    const inTurns = [identify("x", [0, 1]), identify("y", [2, 3])];
    expect(judge([...inTurns, identify("x", [4, 5]), identify("y", [6, 7])])).toEqual([
      "one-sandbox-per-key",
    ]);
  });
});

describe("An error", () => {
  it("must be one of those that the operation may have", () => {
    const failing = (name: "look" | "open", code: string): Call =>
      call({ name }, { at: [0, 1], result: { kind: "error", code, message: "" } });
    expect(judge([failing("open", "unavailable"), failing("look", "capacity")])).toEqual([]);
    expect(judge([failing("open", "capacity")])).toEqual(["allowed-errors"]);
    expect(judge([failing("open", "not-a-sandbox-error TypeError")])).toEqual(["allowed-errors"]);
  });
});

describe("A session that is gone", () => {
  const gone: CallResult = { kind: "error", code: "gone", message: "" };
  const struck = call({ name: "identify" }, { at: [4, 6], result: gone });

  it("is an error only where nobody ended it at the same time", () => {
    expect(judge([struck])).toEqual(["allowed-errors"]);
    expect(judge([struck, call({ name: "end" }, { at: [2, 3] })])).toEqual(["allowed-errors"]);
    expect(judge([struck, call({ name: "end" }, { at: [2, 5] })])).toEqual([]);
    expect(judge([struck, call({ name: "end" }, { at: [2, 3], result: UNKNOWN })])).toEqual([]);
    const theirs = call({ name: "end" }, { at: [2, 5], key: "ben" });
    expect(judge([struck, theirs])).toEqual(["allowed-errors"]);
  });
});

describe("A call", () => {
  it("may take as long as its deadline and some grace, and forever only with its process", () => {
    expect(judge([call({ name: "open" }, { at: [0, 1100] })])).toEqual([]);
    expect(judge([call({ name: "open" }, { at: [0, null], result: UNKNOWN })])).toEqual([]);
    expect(judge([call({ name: "open" }, { at: [0, 1101] })])).toEqual(["deadline-kept"]);
    const hanging = call({ name: "open" }, { at: [0, null], result: FAILED });
    expect(judge([hanging])).toEqual(["deadline-kept"]);
  });
});

describe("A session that was opened", () => {
  const open = call({ name: "open" }, { at: [0, 1] });
  const lost: CallResult = { kind: "error", code: "not-found", message: "" };
  const look = call({ name: "look" }, { at: [6, 7], result: lost });
  const judgeSession = (...calls: Call[]): string[] =>
    judge(calls).filter((rule) => rule === "session-remembered");

  it("must not be forgotten", () => {
    expect(judgeSession(open, look)).toEqual(["session-remembered"]);
    const ended = call({ name: "end" }, { at: [0, 1] });
    const again = call({ name: "open" }, { at: [2, 3] });
    expect(judgeSession(ended, again, look)).toEqual(["session-remembered"]);
  });

  it("may be ended by whoever asked for it, also where that was not answered", () => {
    expect(judgeSession(look)).toEqual([]);
    expect(judgeSession(open, call({ name: "end" }, { at: [2, 3] }), look)).toEqual([]);
    const unanswered = call({ name: "end" }, { at: [-2, -1], result: UNKNOWN });
    expect(judgeSession(unanswered, open, look)).toEqual([]);
  });
});

describe("A recorder", () => {
  const about = { operation: { name: "open" }, key: "ann", caller: "c", deadlineMs: 50 } as const;

  it("writes down how calls end", async () => {
    const recorder = new HistoryRecorder();
    await recorder.call(about, async () => "x");
    await recorder.call(about, async () => {
      throw new SandboxError({ code: "capacity", message: "Full." });
    });
    await recorder.call(about, async () => {
      throw new TypeError("A mistake.");
    });
    await recorder.call(about, async () => {
      throw new ProcessKilled();
    });
    expect(recorder.history.calls.map(({ result }) => result)).toEqual([
      { kind: "ok", value: "x" },
      { kind: "error", code: "capacity", message: "Full." },
      { kind: "error", code: "not-a-sandbox-error TypeError", message: "A mistake." },
      { kind: "unknown" },
    ]);
  });

  it("knows a call that never comes back", () => {
    const recorder = new HistoryRecorder();
    void recorder.call(about, () => new Promise<null>(() => undefined));
    expect(
      checkHistory(recorder.history, { allowed: {}, deadlineGraceMs: 0 }).map(({ rule }) => rule),
    ).toContain("deadline-kept");
  });

  it("follows containers from look to look", () => {
    const recorder = new HistoryRecorder();
    recorder.observe([{ id: "1", key: "ann" }]);
    recorder.observe([{ id: "2", key: "ann" }]);
    const { containers } = recorder.history;
    expect(containers.map(({ id, removedAtMs }) => [id, removedAtMs === null])).toEqual([
      ["1", false],
      ["2", true],
    ]);
    expect(judge([], [...containers])).toEqual([]);
    recorder.observe([
      { id: "2", key: "ann" },
      { id: "3", key: "ann" },
    ]);
    expect(judge([], [...recorder.history.containers])).toEqual(["one-sandbox-per-key"]);
  });
});
