import type { WireOpeningEvent, WireStartProgress } from "@carrel/server";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createSession } from "./sessions.ts";

afterEach(() => vi.unstubAllGlobals());

/** The requests that a server gets which answers each with these events. */
function serverWith(events: readonly WireOpeningEvent[]): Request[] {
  const requests: Request[] = [];
  const body = events
    .map(
      ({ event, data }, at) => `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${at + 1}\n\n`,
    )
    .join("");
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    requests.push(new Request(new URL(path, "http://localhost"), init));
    return Promise.resolve(new Response(body));
  });
  return requests;
}

const signal = new AbortController().signal;
const PULLING = { phase: "pulling", detail: "python:3.12-slim: 2 of 5 layers" } as const;

describe("a session that is opened", () => {
  test("tells how far it has come, and then its id", async () => {
    const requests = serverWith([
      { event: "start-progress", data: PULLING },
      { event: "start-progress", data: { phase: "starting" } },
      { event: "session-opened", data: { session_id: "ses_1" } },
    ]);
    const told: WireStartProgress[] = [];
    const options = { signal, onProgress: (progress: WireStartProgress) => told.push(progress) };
    expect(await createSession("a&b", options)).toBe("ses_1");
    expect(told).toEqual([PULLING, { phase: "starting" }]);
    expect(requests[0]?.url).toBe("http://localhost/sessions?user_id=a%26b");
    expect(requests[0]?.headers.get("accept")).toBe("text/event-stream");
  });

  test("fails as the server says", async () => {
    const data = { code: "capacity", message: "All places are taken." } as const;
    serverWith([{ event: "error", data }]);
    const opened = createSession("alice", { signal, onProgress: () => {} });
    await expect(opened).rejects.toMatchObject({ ...data, status: null });
  });

  test("is not open where the connection ends before", async () => {
    serverWith([{ event: "start-progress", data: PULLING }]);
    const opened = createSession("alice", { signal, onProgress: () => {} });
    await expect(opened).rejects.toMatchObject({ code: "network" });
  });
});
