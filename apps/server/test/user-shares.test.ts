import { describe, expect, it } from "vitest";
import { readEvents } from "./support/event-stream.ts";
import { startListeningApp } from "./support/listening-app.ts";
import type { ListeningApp } from "./support/listening-app.ts";
import type { RawClient } from "./support/raw-client.ts";

const TIMEOUT_MS = 60_000;

const variables = {
  CARREL_MAX_REQUESTS_PER_USER: "4",
  CARREL_MAX_STREAMS_PER_USER: "2",
  CARREL_MAX_TRANSFERS_PER_USER: "2",
  CARREL_MAX_TURNS_PER_USER: "2",
};

async function execute(app: ListeningApp, session: string, command: string): Promise<Response> {
  return fetch(`${app.url}/sessions/${session}/execute`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ command }),
  });
}

async function chat(app: ListeningApp, session: string): Promise<Response> {
  return fetch(`${app.url}/sessions/${session}/chat`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ message: "run `echo begun; sleep 60`" }),
  });
}

async function expectRefused(answer: Response, setting: string): Promise<void> {
  expect(answer.status).toBe(429);
  expect(answer.headers.get("Retry-After")).toBe("1");
  expect(await answer.json()).toEqual({
    error: { code: "capacity", message: expect.stringContaining(setting) },
  });
}

async function running(app: ListeningApp, session: string): Promise<number> {
  const sandbox = await app.inner.services.manager.getSession(session);
  return (await sandbox.processes()).filter(({ result }) => result === null).length;
}

describe("the share of a user over HTTP", { timeout: TIMEOUT_MS }, () => {
  it("of requests: one more is refused, another user is served, and a place that is left is free", async () => {
    await using app = await startListeningApp({ variables });
    // Two sessions of one user have one share.
    const sessions = [await app.inner.createSession("eve"), await app.inner.createSession("eve")];
    const other = await app.inner.createSession("bob");
    const clients: RawClient[] = [];
    for (let index = 0; index < 4; index++) {
      const path = `/sessions/${sessions[index % 2]}/execute`;
      clients.push(await app.send("POST", path, { command: "sleep 60" }));
    }
    await expect.poll(() => running(app, sessions[0] ?? ""), { timeout: 20_000 }).toBe(4);
    for (const session of sessions) {
      await expectRefused(await execute(app, session, "true"), "CARREL_MAX_REQUESTS_PER_USER");
    }
    await expectRefused(
      await fetch(`${app.url}/sessions?user_id=eve`, { method: "POST" }),
      "CARREL_MAX_REQUESTS_PER_USER",
    );
    expect((await execute(app, other, "true")).status).toBe(200);
    expect((await fetch(`${app.url}/sessions`, { method: "POST" })).status).toBe(200);
    clients[0]?.[Symbol.dispose]();
    await expect
      .poll(async () => (await execute(app, sessions[0] ?? "", "true")).status, { timeout: 20_000 })
      .toBe(200);
    for (const client of clients) client[Symbol.dispose]();
  });

  it("is one for all callers without a user id, and apart from that of sessions that do not exist", async () => {
    await using app = await startListeningApp({ variables });
    const sessions = [await app.inner.createSession(), await app.inner.createSession()];
    const stall =
      "POST /sessions/ses_unknown/execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n";
    const unknown: RawClient[] = [];
    for (let index = 0; index < 4; index++) {
      const client = await app.connect();
      client.write(stall);
      unknown.push(client);
    }
    const clients = await Promise.all(
      [0, 1, 0, 1].map((index) =>
        app.send("POST", `/sessions/${sessions[index]}/execute`, { command: "sleep 60" }),
      ),
    );
    await expect
      .poll(async () => (await execute(app, sessions[0] ?? "", "true")).status, { timeout: 20_000 })
      .toBe(429);
    for (const client of [...clients, ...unknown]) client[Symbol.dispose]();
  });

  it("of streams: one more is refused, and the turns go on", async () => {
    await using app = await startListeningApp({ variables });
    const session = await app.inner.createSession("eve");
    const answer = await chat(app, session);
    const events = readEvents(answer.body!);
    await events.next();
    const second = await fetch(`${app.url}/sessions/${session}/chat/events`);
    await expectRefused(
      await fetch(`${app.url}/sessions/${session}/chat/events`),
      "CARREL_MAX_STREAMS_PER_USER",
    );
    await second.body?.cancel();
    await expect
      .poll(
        async () => {
          const third = await fetch(`${app.url}/sessions/${session}/chat/events`);
          await third.body?.cancel();
          return third.status;
        },
        { timeout: 20_000 },
      )
      .toBe(200);
    await events.return();
  });

  it("of turns counts those whose client has left", async () => {
    await using app = await startListeningApp({ variables });
    const sessions = await Promise.all([1, 2, 3].map(() => app.inner.createSession("eve")));
    for (const session of sessions.slice(0, 2)) {
      const answer = await chat(app, session);
      await answer.body?.cancel();
    }
    const last = sessions[2] ?? "";
    await expectRefused(await chat(app, last), "CARREL_MAX_TURNS_PER_USER");
    await fetch(`${app.url}/sessions/${sessions[0]}/chat/cancel`, { method: "POST" });
    const started = await chat(app, last);
    expect(started.status).toBe(200);
    await started.body?.cancel();
  });

  it("of uploads and downloads: one more is refused", async () => {
    await using app = await startListeningApp({ variables });
    const session = await app.inner.createSession("eve");
    const clients: RawClient[] = [];
    for (const name of ["a", "b"]) {
      const client = await app.connect();
      client.write(
        `PUT /sessions/${session}/files/content?path=${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n`,
      );
      clients.push(client);
    }
    const archive = (): Promise<Response> => fetch(`${app.url}/sessions/${session}/files/archive`);
    await expect
      .poll(async () => {
        const answer = await archive();
        await answer.body?.cancel();
        return answer.status;
      })
      .toBe(429);
    await expectRefused(await archive(), "CARREL_MAX_TRANSFERS_PER_USER");
    for (const client of clients) client.write("123456789");
    expect(await Promise.all(clients.map((client) => client.status()))).toEqual([200, 200]);
    await expect.poll(async () => (await archive()).status, { timeout: 20_000 }).toBe(200);
    for (const client of clients) client[Symbol.dispose]();
  });
});

describe("a session that is opened for a client that leaves", { timeout: TIMEOUT_MS }, () => {
  it("while its sandbox starts is ended", async () => {
    await using app = await startListeningApp();
    const { manager } = app.inner.services;
    const createSession = manager.createSession.bind(manager);
    const gate = Promise.withResolvers<void>();
    let isAsked = false;
    // The sandbox runs already when the server hears that the client has left.
    manager.createSession = async () => {
      const id = await createSession({ userId: "left" });
      isAsked = true;
      await gate.promise;
      return id;
    };
    const client = await app.send("POST", "/sessions?user_id=left");
    await expect.poll(() => isAsked, { timeout: 20_000 }).toBe(true);
    expect(manager.load.knownSessions).toBe(1);
    client[Symbol.dispose]();
    await expect.poll(() => app.inner.services.shares.ownerCount, { timeout: 20_000 }).toBe(0);
    gate.resolve();
    await expect.poll(() => manager.load.knownSessions, { timeout: 20_000 }).toBe(0);
  });
});
