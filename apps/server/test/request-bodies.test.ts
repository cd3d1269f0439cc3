import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startListeningApp } from "./support/listening-app.ts";
import { LONG_PATIENCE, closeAll, connectMany } from "./support/many-clients.ts";

const TIMEOUT_MS = 60_000;

describe("bodies in chunks of one byte", { timeout: TIMEOUT_MS }, () => {
  const chunks = "1\r\nx\r\n".repeat(66_000);

  it("GET and HEAD: take no body", async () => {
    await using app = await startListeningApp();
    for (const method of ["GET", "HEAD"]) {
      using client = await app.connect();
      client.write(
        `${method} /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`,
      );
      expect(await client.status()).toBe(400);
    }
  });

  it("PUT: take no more memory than their bytes while the sandbox does not answer", async () => {
    await using app = await startListeningApp({ patience: LONG_PATIENCE });
    const session = await app.inner.createSession("slow");
    const { manager } = app.inner.services;
    const getSession = manager.getSession.bind(manager);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    manager.getSession = async (id, options) => {
      await held;
      return getSession(id, options);
    };
    const before = process.memoryUsage().rss;
    const clients = await connectMany(app, 24, (client) =>
      client.write(
        `PUT /sessions/${session}/files/content?path=x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
      ),
    );
    await delay(2000);
    expect((process.memoryUsage().rss - before) / 1024 ** 2).toBeLessThan(200);
    release();
    expect(await clients[0]!.status()).toBe(200);
    closeAll(clients);
    manager.getSession = getSession;
    const sandbox = await manager.getSession(session);
    expect((await sandbox.read("x"))?.byteLength).toBe(66_000);
  });
});
