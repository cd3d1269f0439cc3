import { describe, expect, it } from "vitest";
import { startTestApp } from "./support/test-app.ts";
import type { TestApp } from "./support/test-app.ts";

interface OpeningEvent {
  event: string;
  data: unknown;
}

async function open(app: TestApp, query: string): Promise<OpeningEvent[]> {
  const answer = await app.request(`/sessions${query}`, {
    method: "POST",
    headers: { Accept: "text/event-stream" },
  });
  expect(answer.headers.get("Content-Type")).toContain("text/event-stream");
  expect(answer.headers.get("Cache-Control")).toContain("no-store");
  const blocks = (await answer.text()).split("\n\n").filter((block) => block !== "");
  return blocks.map((block) => {
    const fields = new Map(
      block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]),
    );
    return { event: fields.get("event") ?? "", data: JSON.parse(fields.get("data") ?? "null") };
  });
}

describe("a session that is opened with its events", () => {
  it("tells how far its start has come, and at last its id", async () => {
    await using app = await startTestApp();
    const events = await open(app, "?user_id=alice");
    const last = events.at(-1);
    expect(last).toMatchObject({ event: "session-opened" });
    const opened = last?.data as { session_id: string } | undefined;
    expect((await app.request(`/sessions/${opened?.session_id}`)).status).toBe(200);
    for (const { event, data } of events.slice(0, -1)) {
      expect({ event, data }).toMatchObject({ event: "start-progress", data: { phase: /^/ } });
    }
  });

  it("tells an error as the last event", async () => {
    await using app = await startTestApp();
    const events = await open(app, `?user_id=${encodeURIComponent("a\u0007b")}`);
    expect(events).toEqual([
      { event: "error", data: { code: "invalid-argument", message: expect.any(String) } },
    ]);
  });
});

describe("the metrics", () => {
  it("count what the manager does, and name nobody", async () => {
    await using app = await startTestApp();
    const session = await app.createSession("canary-user");
    await app.request("/admin/cleanup?max_idle=0", { method: "POST" });
    await app.put(session, "a.txt", "a");
    await app.request(`/sessions/${session}`, { method: "DELETE" });
    const answer = await app.request("/metrics");
    expect(answer.headers.get("Content-Type")).toContain("text/plain");
    const text = await answer.text();
    expect(text).toMatch(/^carrel_acquire_seconds_count\{path="cold"\} 1$/m);
    expect(text).toMatch(/^carrel_acquire_seconds_count\{path="wake"\} 1$/m);
    expect(text).toMatch(/^carrel_session_events_total\{event="session-slept"\} 1$/m);
    expect(text).toMatch(/^carrel_sessions_ended_total\{reason="asked"\} 1$/m);
    expect(text).toMatch(/^carrel_sandboxes_resident 0$/m);
    expect(text).not.toContain("canary-user");
    expect(text).not.toContain(session);
  });
});
