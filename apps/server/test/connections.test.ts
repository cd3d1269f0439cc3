import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { RawClient } from "./support/raw-client.ts";
import { SHORT_PATIENCE, startListeningApp } from "./support/listening-app.ts";
import { LONG_PATIENCE, closeAll, connectMany, expectServed } from "./support/many-clients.ts";

const TIMEOUT_MS = 60_000;

describe("connections when places are scarce", { timeout: TIMEOUT_MS }, () => {
  it.each<[string, (client: RawClient) => void]>([
    ["that say nothing", () => {}],
    ["that say a part of their headers", (client) => client.write("GET / HTTP/1.1\r\nHost: lo")],
    [
      "that announce a body and send none",
      (client) =>
        client.write("POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"),
    ],
    [
      "of which each byte of the body is a chunk",
      (client) =>
        client.write(
          `POST /nothing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${"1;x=y\r\na\r\n".repeat(100)}`,
        ),
    ],
    ["that were used once", (client) => client.send("GET", "/healthz")],
  ])("(1,500 %s) give way to newcomers", async (_name, say) => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const clients = await connectMany(app, 1500, say);
    for (let round = 0; round < 5; round++) await expectServed(app);
    closeAll(clients);
  });

  it("do not give way while the server works for them", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE, maxConnections: 3 });
    const session = await app.inner.createSession("busy");
    using working = await app.send("POST", `/sessions/${session}/execute`, {
      command: "sleep 3; echo done",
    });
    await expect.poll(() => app.inner.services.shares.ownerCount).toBe(1);
    const idle = await connectMany(app, 20);
    await expectServed(app);
    await working.readUntil('"duration_ms"');
    expect(working.received).toContain("done");
    closeAll(idle);
  });

  it("are refused with the usual error if none can give way", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE, maxConnections: 2 });
    const session = await app.inner.createSession("busy");
    const command = { command: "sleep 30" };
    using one = await app.send("POST", `/sessions/${session}/execute`, command);
    using two = await app.send("POST", `/sessions/${session}/execute`, command);
    const { manager } = app.inner.services;
    const sandbox = await manager.getSession(session);
    await expect.poll(async () => (await sandbox.processes()).length, { timeout: 20_000 }).toBe(2);
    using refused = await app.connect();
    expect(await refused.status()).toBe(429);
    await refused.closed;
    expect(refused.received).toMatch(/Retry-After: 1\r\n.*"code":"capacity"/s);
    one[Symbol.dispose]();
    await expect
      .poll(async () => (await fetch(`${app.url}/healthz`).catch(() => null))?.status, {
        timeout: 20_000,
      })
      .toBe(200);
    two[Symbol.dispose]();
  });
});

describe("a client that is too slow", { timeout: TIMEOUT_MS }, () => {
  it.each([
    ["says nothing", ""],
    ["sends its headers byte by byte", "GET / HTTP/1.1\r\nX-Slow: "],
  ])("and %s is cut off", async (_name, beginning) => {
    await using app = await startListeningApp();
    using client = await app.connect();
    client.write(beginning);
    const trickle = setInterval(() => beginning !== "" && client.write("a"), 100);
    await client.readUntil('"timeout"');
    await client.closed;
    clearInterval(trickle);
    expect(client.received).toMatch(/^HTTP\/1\.1 408 .*"code":"timeout"/s);
  });

  it.each([
    ["of a known length", "Content-Length: 100000"],
    ["in chunks", "Transfer-Encoding: chunked"],
  ])("to send a body %s is told so, and cut off", async (_name, header) => {
    await using app = await startListeningApp();
    const session = await app.inner.createSession("slow");
    using client = await app.connect();
    client.write(
      `POST /sessions/${session}/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${header}\r\n\r\n`,
    );
    const trickle = setInterval(
      () => client.write(header.startsWith("T") ? "1\r\n \r\n" : " "),
      100,
    );
    await client.readUntil('"timeout"');
    expect(client.received).toMatch(/^HTTP\/1\.1 408 .*"code":"timeout"/s);
    await client.closed;
    clearInterval(trickle);
    await expect.poll(() => app.inner.services.shares.ownerCount, { timeout: 20_000 }).toBe(0);
  });

  it("to send an upload is told so, and leaves no file", async () => {
    await using app = await startListeningApp();
    const session = await app.inner.createSession("slow");
    using client = await app.connect();
    client.write(
      `PUT /sessions/${session}/files/content?path=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n`,
    );
    const trickle = setInterval(() => client.write("x"), 100);
    await client.readUntil('"timeout"');
    expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
    await client.closed;
    clearInterval(trickle);
    const listed = await app.inner.request(`/sessions/${session}/files`);
    expect(await listed.json()).toEqual({ files: [], next: null });
  });

  it("is not one that sends an upload steadily for a long time", async () => {
    await using app = await startListeningApp();
    const session = await app.inner.createSession("steady");
    using client = await app.connect();
    const piece = "x".repeat(16 * 1024);
    client.write(
      `PUT /sessions/${session}/files/content?path=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${30 * piece.length}\r\n\r\n`,
    );
    for (let index = 0; index < 30; index++) {
      client.write(piece);
      await delay(100);
    }
    expect(await client.status()).toBe(200);
  });

  it("does not hold a connection by a body that nobody asked for", async () => {
    await using app = await startListeningApp({
      patience: { ...SHORT_PATIENCE, keepAliveMs: 500 },
    });
    using client = await app.connect();
    client.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n");
    expect(await client.status()).toBe(400);
    const trickle = setInterval(() => client.write("x"), 100);
    await client.closed;
    clearInterval(trickle);
  });
});

describe("requests that are sent ahead", { timeout: TIMEOUT_MS }, () => {
  const request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

  it("are answered in their order", async () => {
    await using app = await startListeningApp();
    using client = await app.connect();
    client.write(
      Array.from({ length: 20 }, (_, index) =>
        request.replace("/healthz", index % 2 === 0 ? "/healthz" : "/nothing"),
      ).join(""),
    );
    const statuses = (): string[] => client.received.match(/HTTP\/1\.1 \d{3}/g) ?? [];
    while (statuses().length < 20 && !client.socket.destroyed) await client.read(1);
    expect(statuses().map((line) => line.slice(-3))).toEqual(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? "200" : "404")),
    );
  });

  it("by the thousand end the connection, and are not begun", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const session = await app.inner.createSession("flood");
    const execute = JSON.stringify({ command: "sleep 20" });
    using client = await app.connect();
    client.write(
      `POST /sessions/${session}/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${execute.length}\r\n\r\n${execute}`.repeat(
        1000,
      ),
    );
    await client.closed;
    const sandbox = await app.inner.services.manager.getSession(session);
    await expect
      .poll(
        async () => (await sandbox.processes()).filter(({ result }) => result === null).length,
        {
          timeout: 20_000,
        },
      )
      .toBe(0);
    expect((await sandbox.processes()).length).toBeLessThanOrEqual(1);
    await expectServed(app);
  });

  it("with many headers end the connection before they take much memory", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const session = await app.inner.createSession("flood");
    const execute = JSON.stringify({ command: "sleep 20" });
    const first = `POST /sessions/${session}/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${execute.length}\r\n\r\n${execute}`;
    const headers = Array.from({ length: 90 }, (_, index) => `h${index}: v\r\n`).join("");
    const ahead = `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
    using client = await app.connect();
    client.write(first + ahead.repeat(5));
    await delay(200);
    expect(client.socket.destroyed).toBe(false);
    client.write(ahead.repeat(60));
    await client.closed;
    await expectServed(app);
  });

  it("with too many headers are refused, or end a connection that is busy", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const headers = Array.from({ length: 128 }, (_, index) => `h${index}: v\r\n`).join("");
    const large = `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
    using alone = await app.connect();
    alone.write(large);
    await alone.readUntil("more than 128 headers");
    expect(alone.received).toMatch(/^HTTP\/1\.1 431/);
    const session = await app.inner.createSession("busy");
    const execute = JSON.stringify({ command: "sleep 20" });
    const first = `POST /sessions/${session}/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${execute.length}\r\n\r\n${execute}`;
    using busy = await app.connect();
    busy.write(first + large);
    await busy.read(1);
    expect(busy.received).toBe("");
    await expectServed(app);
  });

  it("with a body end the connection: nobody would read it in time", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const session = await app.inner.createSession("flood");
    const execute = JSON.stringify({ command: "sleep 20" });
    const post = `POST /sessions/${session}/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    using client = await app.connect();
    client.write(`${post}Content-Length: ${execute.length}\r\n\r\n${execute}`);
    await delay(200);
    expect(client.socket.destroyed).toBe(false);
    client.write(`${post}Transfer-Encoding: chunked\r\n\r\n${"1\r\nx\r\n".repeat(10)}`);
    await client.closed;
    await expectServed(app);
  });

  it("without end by a client that reads nothing take a bounded memory", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const before = process.memoryUsage().rss;
    const flood = request.replace("/healthz", "/openapi.json").repeat(50);
    const clients = await connectMany(app, 50, (client) => {
      const more = (): void => {
        if (!client.socket.destroyed) client.socket.write(flood, () => setTimeout(more, 5));
      };
      more();
    });
    for (let round = 0; round < 10; round++) {
      await expectServed(app);
      await delay(50);
    }
    expect((process.memoryUsage().rss - before) / 1024 ** 2).toBeLessThan(300);
    closeAll(clients);
  });

  it("never get an answer into the middle of another one", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const session = await app.inner.createSession();
    const bytes = 24 * 1024 * 1024;
    await app.inner.request(`/sessions/${session}/files/content?path=a`, {
      method: "PUT",
      body: new Uint8Array(bytes),
    });
    using client = await app.connect();
    client.send("GET", `/sessions/${session}/files/content?path=a`);
    await client.readUntil("\r\n\r\n");
    client.write("\u0000 no request at all\r\n\r\n");
    while (!client.socket.destroyed && !client.socket.readableEnded) await client.read(1024 * 1024);
    expect(client.received.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe("unusual requests", { timeout: TIMEOUT_MS }, () => {
  it.each([
    ["of HTTP/1.0", "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", 200],
    [
      "to upgrade",
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      200,
    ],
    [
      "with many headers",
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${"a: b\r\n".repeat(100)}\r\n`,
      200,
    ],
    [
      "with larger headers",
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\na: ${"b".repeat(20_000)}\r\n\r\n`,
      431,
    ],
    ["with a huge address", `GET /${"a".repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    [
      "with endless chunk extensions",
      `POST /sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;${"x".repeat(100_000)}`,
      413,
    ],
  ])("%s are answered", async (_name, text, status) => {
    await using app = await startListeningApp();
    using client = await app.connect();
    client.write(text);
    expect(await client.status()).toBe(status);
    await expectServed(app);
  });

  it("that expect 100-continue get it, and then their answer", async () => {
    await using app = await startListeningApp();
    using client = await app.connect();
    client.write(
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    expect(await client.status()).toBe(100);
    client.write("{}");
    await client.readUntil("session_id");
    expect(client.received).toContain("HTTP/1.1 200 OK");
  });

  it("whose body comes in a million chunks of one byte take little more than its bytes", async () => {
    await using app = await startListeningApp({ patience: { ...SHORT_PATIENCE, bodyMs: 30_000 } });
    const session = await app.inner.createSession("chunks");
    using client = await app.connect();
    const before = process.memoryUsage().rss;
    client.write(
      `POST /sessions/${session}/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    for (let count = 0; count < 1000; count++) {
      if (!client.socket.write("1\r\n \r\n".repeat(1000))) {
        await new Promise((resolve) => client.socket.once("drain", resolve));
      }
    }
    const { shares } = app.inner.services;
    await expect.poll(() => shares.memory.usedBytes, { timeout: 20_000 }).toBeGreaterThan(900_000);
    expect(shares.memory.usedBytes).toBeLessThan(1_100_000);
    expect((process.memoryUsage().rss - before) / 1024 ** 2).toBeLessThan(100);
    client.write("0\r\n\r\n");
    expect(await client.status()).toBe(400);
  });
});
