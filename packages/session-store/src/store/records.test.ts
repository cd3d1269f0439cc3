import { describe, expect, test } from "vitest";
import { loggedEvent } from "./records.ts";

const ROW = { sequence: 1, at: 0, type: "session-ended", session_id: "s", key: "k", detail: "{}" };

describe("a row of an event", () => {
  test.each(["", "garbage", "null", "[]", "7", '"text"'])(
    "detail %s is no object: the event is listed without it",
    (detail) => {
      expect(loggedEvent({ ...ROW, detail })).toMatchObject({ sessionId: "s", detail: {} });
    },
  );

  test("detail with hostile names: is data", () => {
    const detail = '{"__proto__":{"polluted":true},"lc":1,"type":"constructor"}';
    expect(JSON.stringify(loggedEvent({ ...ROW, detail }).detail)).toBe(detail);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("a time that is none: is listed as the earliest", () => {
    for (const at of [Number.NaN, 1e300, Number.NEGATIVE_INFINITY]) {
      expect(loggedEvent({ ...ROW, at }).at).toBe("1970-01-01T00:00:00.000Z");
    }
  });
});
