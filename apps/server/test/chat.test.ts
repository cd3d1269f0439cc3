import { describe, expect, it } from "vitest";
import { listen } from "../src/http/listen.ts";
import type { WireMessageList } from "../src/wire/messages.ts";
import { allEvents, readEvents, textOf } from "./support/event-stream.ts";
import type { ReceivedEvent } from "./support/event-stream.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";
import type { TestApp } from "./support/test-app.ts";

const LONG_COMMAND = "run `echo begun; sleep 60`";

async function messagesOf(app: TestApp, session: string): Promise<WireMessageList> {
  return (await (await app.request(`/sessions/${session}/messages`)).json()) as WireMessageList;
}

async function eventsAfter(
  app: TestApp,
  session: string,
  query: string,
  headers: Record<string, string> = {},
): Promise<ReceivedEvent[] | null> {
  const answer = await app.request(`/sessions/${session}/chat/events${query}`, { headers });
  if (answer.status === 204) return null;
  expect(answer.status).toBe(200);
  expect(answer.headers.get("Content-Type")).toBe("text/event-stream");
  return allEvents(readEvents(answer.body!));
}

/** Read until a command wrote something. */
async function untilOutput(events: AsyncGenerator<ReceivedEvent>): Promise<void> {
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.event === "tool-output") return;
  }
  throw new Error("The turn ended before a command wrote anything.");
}

describe("a turn of chat", () => {
  it("is a stream of events or one answer, whichever is asked for", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const events = await allEvents(await app.chatEvents(session, "list files"));
    expect(events[0]).toMatchObject({
      id: 1,
      event: "turn-start",
      data: { message: "list files" },
    });
    const end = events.at(-1);
    expect(end).toMatchObject({
      event: "turn-end",
      data: { outcome: "completed", session_id: session },
    });
    expect(end?.event === "turn-end" && end.data.response).toBe(textOf(events));
    const answer = await app.chat(session, "list files");
    expect(await answer.json()).toEqual({ response: textOf(events), session_id: session });
  });

  it("is alone in its session, and others are refused while it runs", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const other = await app.createSession();
    const events = await app.chatEvents(session, LONG_COMMAND);
    await untilOutput(events);
    expect(await errorOf(await app.chat(session, "list files"))).toMatchObject({
      status: 409,
      code: "busy",
    });
    expect((await app.chat(other, "list files")).status).toBe(200);
    await app.request(`/sessions/${session}/chat/cancel`, { method: "POST" });
    expect((await app.chat(session, "list files")).status).toBe(200);
  });

  it("of two that begin at once is one", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const answers = await Promise.all([
      app.chat(session, "list files"),
      app.chat(session, "list files"),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 409]));
    expect((await messagesOf(app, session)).messages).toHaveLength(2);
  });

  it("gives the same events again from every point, by query and by header", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const events = await allEvents(
      await app.chatEvents(session, "Create a hello world script and run it"),
    );
    expect(events.length).toBeGreaterThan(6);
    for (let id = 0; id < events.length; id++) {
      expect(await eventsAfter(app, session, `?after=${id}`)).toEqual(events.slice(id));
      expect(await eventsAfter(app, session, "", { "Last-Event-ID": String(id) })).toEqual(
        events.slice(id),
      );
    }
    expect(await eventsAfter(app, session, `?after=${events.length}`)).toBeNull();
  });

  it("whose reader leaves and returns after every event is the same sequence", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    await (
      await app.chatEvents(session, "run `for i in 1 2 3 4 5; do echo $i; sleep 0.1; done`")
    ).return(undefined);
    const pieced: ReceivedEvent[] = [];
    while (pieced.at(-1)?.event !== "turn-end") {
      const answer = await app.request(`/sessions/${session}/chat/events?after=${pieced.length}`);
      for await (const event of readEvents(answer.body!)) {
        pieced.push(event);
        break;
      }
    }
    expect(pieced).toEqual(await eventsAfter(app, session, ""));
    const output = pieced.map(({ event, data }) => (event === "tool-output" ? data.text : ""));
    expect(output.join("")).toBe("1\n2\n3\n4\n5\n");
  });

  it("is told apart from a later one", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const first = await allEvents(await app.chatEvents(session, "list files"));
    await app.chat(session, "list files");
    const turnOf = (events: ReceivedEvent[] | null): unknown => events?.[0]?.data;
    const latest = turnOf(await eventsAfter(app, session, "")) as { turn_id: string };
    const { turn_id: firstId } = turnOf(first) as { turn_id: string };
    expect(await eventsAfter(app, session, `?turn_id=${firstId}&after=1`)).toBeNull();
    expect(await eventsAfter(app, session, `?turn_id=${latest.turn_id}&after=1`)).not.toBeNull();
  });

  it("has no events before the first one, and none of the future", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    expect(await eventsAfter(app, session, "")).toBeNull();
    const events = await app.chatEvents(session, LONG_COMMAND);
    await untilOutput(events);
    const early = await app.request(`/sessions/${session}/chat/events?after=999`);
    expect(await errorOf(early)).toMatchObject({ status: 400 });
  });

  it("goes on where its client leaves", async () => {
    await using app = await startTestApp();
    const server = await listen(app.app, { host: "127.0.0.1", port: 0 });
    for (const accept of ["text/event-stream", "application/json"]) {
      const session = await app.createSession();
      const leave = new AbortController();
      const request = fetch(`http://127.0.0.1:${server.port}/sessions/${session}/chat`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: accept },
        body: JSON.stringify({ message: "run `sleep 0.3; echo done > done.txt`" }),
        signal: leave.signal,
      }).catch(() => "left");
      await expect.poll(() => app.services.chats.latest(session)).not.toBeNull();
      leave.abort();
      await request;
      await app.services.chats.latest(session)?.ended;
      expect(await (await app.request(`/sessions/${session}/files`)).json()).toMatchObject({
        files: [{ name: "done.txt" }],
      });
    }
    await server.close();
  });

  it("does not wait for a reader who does not read", async () => {
    await using app = await startTestApp();
    const server = await listen(app.app, { host: "127.0.0.1", port: 0 });
    const session = await app.createSession();
    const answer = await fetch(`http://127.0.0.1:${server.port}/sessions/${session}/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ message: "run `seq 1 100000`" }),
    });
    const turn = app.services.chats.latest(session);
    expect(await turn?.ended).toMatchObject({ outcome: "completed" });
    const events = await allEvents(readEvents(answer.body!));
    const written = events.map(({ event, data }) => (event === "tool-output" ? data.text : ""));
    const lines = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`);
    expect(written.join("") === lines.join("")).toBe(true);
    expect(events.at(-1)?.event).toBe("turn-end");
    await server.close();
  });

  it("keeps its sandbox awake", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const events = await app.chatEvents(session, "run `echo begun; sleep 1; echo end`");
    await untilOutput(events);
    const cleanup = await app.request("/admin/cleanup?max_idle=0", { method: "POST" });
    expect(await cleanup.json()).toEqual({ cleaned: 0, active: 1 });
    expect((await allEvents(events)).at(-1)?.data).toMatchObject({ outcome: "completed" });
  });

  it("works in a session whose sandbox sleeps", async () => {
    await using app = await startTestApp();
    const session = await app.createSession("alice");
    await app.put(session, "a.txt", "a");
    await app.request("/admin/cleanup?max_idle=0", { method: "POST" });
    expect(await (await app.request(`/sessions/${session}`)).json()).toMatchObject({
      state: "stopped",
    });
    expect(await (await app.chat(session, "list files")).json()).toMatchObject({
      response: expect.stringContaining("a.txt"),
    });
  });

  it("of a session that ends is stopped and forgotten", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const events = await app.chatEvents(session, LONG_COMMAND);
    await untilOutput(events);
    const turn = app.services.chats.latest(session);
    expect((await app.request(`/sessions/${session}`, { method: "DELETE" })).status).toBe(200);
    expect(await turn?.ended).toMatchObject({ outcome: "cancelled" });
    expect((await allEvents(events)).at(-1)?.event).toBe("turn-end");
    expect(app.services.chats.latest(session)).toBeNull();
    expect(await app.services.chats.messages(session)).toEqual({ messages: [], running: false });
  });

  it("says whether one was there to cancel", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const cancel = async (): Promise<unknown> =>
      (await app.request(`/sessions/${session}/chat/cancel`, { method: "POST" })).json();
    expect(await cancel()).toEqual({ cancelled: false });
    await untilOutput(await app.chatEvents(session, LONG_COMMAND));
    expect(await Promise.all([cancel(), cancel()])).toContainEqual({ cancelled: true });
    expect(await cancel()).toEqual({ cancelled: false });
  });

  it("without events that is cancelled by another answers so", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const answer = app.chat(session, LONG_COMMAND);
    const lastId = (): number => app.services.chats.latest(session)?.log.lastId ?? 0;
    await expect.poll(lastId, { timeout: 10_000 }).toBeGreaterThan(2);
    await app.request(`/sessions/${session}/chat/cancel`, { method: "POST" });
    expect(await errorOf(await answer)).toMatchObject({ status: 409, code: "aborted" });
  });
});

describe("the messages of a session", () => {
  it("are its finished turns, and say that there is another", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    expect(await messagesOf(app, session)).toEqual({ messages: [], running: false });
    await app.chat(session, "list files");
    const finished = await messagesOf(app, session);
    expect(finished).toMatchObject({
      running: false,
      messages: [{ text: "list files" }, { role: "assistant" }],
    });
    const events = await app.chatEvents(session, LONG_COMMAND);
    await untilOutput(events);
    expect(await messagesOf(app, session)).toEqual({ ...finished, running: true });
    await app.request(`/sessions/${session}/chat/cancel`, { method: "POST" });
    const { messages } = await messagesOf(app, session);
    expect(messages).toHaveLength(4);
    expect(messages[3]).toMatchObject({
      outcome: "cancelled",
      error: { code: "aborted" },
      parts: [{ type: "tool", name: "execute", status: "error" }],
    });
  });

  it("are the text and the results that the events had", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const events = await allEvents(
      await app.chatEvents(session, "Create a hello world script and run it"),
    );
    const { messages } = await messagesOf(app, session);
    const answer = messages[1];
    if (answer?.role !== "assistant") throw new Error("There is no answer.");
    const texts = answer.parts.map((part) => (part.type === "text" ? part.text : ""));
    expect(texts.join("")).toBe(textOf(events));
    const tools = answer.parts.flatMap((part) => (part.type === "tool" ? [part] : []));
    const results = events.flatMap(({ event, data }) => (event === "tool-result" ? [data] : []));
    expect(
      tools.map(({ id, status, content, detail }) => ({ id, status, content, detail })),
    ).toEqual(results);
  });
});

describe("two sessions", () => {
  it("never see each other's text or files", async () => {
    await using app = await startTestApp();
    const sessions = await Promise.all(
      ["alice", "bob", undefined, undefined].map((user) => app.createSession(user)),
    );
    await Promise.all(
      sessions.map(async (session, index) => {
        await app.chat(session, `write canary-${index} to secret-${index}.txt`);
        await app.chat(session, `read secret-${index}.txt`);
        await app.chat(session, "list files");
      }),
    );
    for (const [index, session] of sessions.entries()) {
      const seen = [
        JSON.stringify(await messagesOf(app, session)),
        JSON.stringify(await eventsAfter(app, session, "")),
        await (await app.request(`/sessions/${session}/files`)).text(),
        new TextDecoder("latin1").decode(
          await (await app.request(`/sessions/${session}/files/archive?path=/`)).arrayBuffer(),
        ),
      ].join("\n");
      expect(seen).toContain(`secret-${index}.txt`);
      expect(seen).toContain(`canary-${index}`);
      for (const other of sessions.keys()) {
        if (other !== index) expect(seen).not.toMatch(new RegExp(`(secret|canary)-${other}`));
      }
      for (const other of sessions.keys()) {
        if (other === index) continue;
        const foreign = await app.request(
          `/sessions/${session}/files/content?path=secret-${other}.txt`,
        );
        expect(foreign.status).toBe(404);
      }
    }
  });

  it("of one user share files and not words", async () => {
    await using app = await startTestApp();
    const [one, two] = [await app.createSession("carol"), await app.createSession("carol")];
    await app.chat(one, "write canary to shared.txt");
    expect(JSON.stringify(await messagesOf(app, two))).not.toContain("canary");
    expect(await (await app.chat(two, "read shared.txt")).json()).toMatchObject({
      response: expect.stringContaining("canary"),
    });
  });
});
