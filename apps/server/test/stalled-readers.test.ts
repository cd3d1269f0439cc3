import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collectGarbage } from "./support/collect-garbage.ts";
import type { RawClient } from "./support/raw-client.ts";
import { SHORT_PATIENCE, listManyFiles, startListeningApp } from "./support/listening-app.ts";
import type { ListeningApp } from "./support/listening-app.ts";

const MIB = 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** More than what systems keep for a connection on both of its ends. */
const LARGE_BYTES = 24 * MIB;

let app: ListeningApp;
let session: string;

beforeAll(async () => {
  app = await startListeningApp();
  session = await app.inner.createSession("stalled");
  for (const name of ["large", "dir/large"]) {
    await app.inner.request(`/sessions/${session}/files/content?path=${name}`, {
      method: "PUT",
      body: new Uint8Array(LARGE_BYTES),
    });
  }
  listManyFiles(app.inner, 100_000);
});

afterAll(() => app[Symbol.asyncDispose]());

/**
 * Expects that nothing is left of any request: no share, and none of its memory, which goes with it. The
 * sandbox keeps the output of its last commands; that this goes too is a test of its own below.
 */
async function expectNothingHeld(): Promise<void> {
  const { shares } = app.inner.services;
  await expect.poll(() => shares.ownerCount, { timeout: 20_000 }).toBe(0);
}

// Output of which each character takes six in JSON.
const controlCharacters = {
  command: `python3 -c "import sys; sys.stdout.write(chr(1) * 1000000)"`,
};

const ROUTES: [string, (session: string) => Promise<RawClient>][] = [
  ["a download", (id) => app.send("GET", `/sessions/${id}/files/content?path=large`)],
  ["an archive", (id) => app.send("GET", `/sessions/${id}/files/archive?path=dir`)],
  [
    "the answer of a command",
    (id) => app.send("POST", `/sessions/${id}/execute`, controlCharacters),
  ],
];

describe("a client that stops reading", { timeout: TIMEOUT_MS }, () => {
  const points = [0, 1, 15, 500, 70_000, MIB];

  it.each(ROUTES.flatMap(([name, send]) => points.map((point) => ({ name, point, send }))))(
    "$name after $point bytes: is cut off, and nothing is kept for it",
    async ({ point, send }) => {
      using client = await send(session);
      await client.read(point);
      await expect.poll(() => app.inner.services.shares.ownerCount, { timeout: 20_000 }).toBe(1);
      await expectNothingHeld();
      const answer = await fetch(`${app.url}/sessions/${session}/files/content?path=large`, {
        method: "HEAD",
      });
      expect(answer.status).toBe(200);
    },
  );

  it("stops the work behind its answer in the sandbox", async () => {
    let stopped = false;
    const { manager } = app.inner.services;
    const getSession = manager.getSession;
    manager.getSession = async (id, options) => {
      const sandbox = await getSession.call(manager, id, options);
      return {
        ...sandbox,
        archive: async (_path, { signal } = {}) => {
          signal?.addEventListener("abort", () => (stopped = true));
          return new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
          });
        },
      };
    };
    using client = await app.send("GET", `/sessions/${session}/files/archive?path=dir`);
    await client.read(1);
    await expect.poll(() => stopped, { timeout: 20_000 }).toBe(true);
    manager.getSession = getSession;
    await expectNothingHeld();
  });

  it("does not hold a connection by a byte now and then", async () => {
    using client = await app.send("GET", `/sessions/${session}/files/content?path=large`);
    const trickle = setInterval(() => client.socket.read(1), 100);
    await expect.poll(() => app.inner.services.shares.ownerCount, { timeout: 20_000 }).toBe(1);
    await expectNothingHeld();
    clearInterval(trickle);
  });

  it("is not one that reads slowly: it gets everything", async () => {
    const patience = { ...SHORT_PATIENCE, streamStallMs: 3000 };
    await using slow = await startListeningApp({ patience });
    const id = await slow.inner.createSession();
    await slow.inner.request(`/sessions/${id}/files/content?path=large`, {
      method: "PUT",
      body: new Uint8Array(LARGE_BYTES),
    });
    const answer = await fetch(`${slow.url}/sessions/${id}/files/content?path=large`);
    let size = 0;
    const startedAt = performance.now();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      await delay(20);
    }
    expect(size).toBe(LARGE_BYTES);
    expect(performance.now() - startedAt).toBeGreaterThan(patience.streamStallMs);
  });

  it("leaves nothing in memory once the session has ended", async () => {
    const { manager, shares } = app.inner.services;
    await manager.endSession(session);
    const usedBytes = (): number => {
      // The output of its commands is given back once it was collected.
      collectGarbage();
      return shares.memory.usedBytes;
    };
    await expect.poll(usedBytes, { timeout: 20_000 }).toBe(0);
  });
});

describe("many clients that do not read", { timeout: TIMEOUT_MS }, () => {
  it("60 answers of commands take a bounded memory, and others are served", async () => {
    await using many = await startListeningApp({
      patience: { ...SHORT_PATIENCE, stallMs: 30_000 },
      variables: { CARREL_MEMORY_MB: "64" },
    });
    const id = await many.inner.createSession("attacker");
    const neighbour = await many.inner.createSession("neighbour");
    const { shares, manager } = many.inner.services;
    // As if each command had written 2 MB: running so many takes too long here.
    const getSession = manager.getSession.bind(manager);
    manager.getSession = async (name, options) => ({
      ...(await getSession(name, options)),
      execute: async (command) => {
        const output = command === "true" ? "" : "\u0001".repeat(2_000_000);
        return {
          outcome: "exited",
          exitCode: 0,
          signal: null,
          stdout: output,
          stderr: "",
          output: output.slice(0, 1) + output.slice(1),
          truncated: false,
          durationMs: 1,
        };
      },
    });
    const before = process.memoryUsage().rss;
    const clients = await Promise.all(
      Array.from({ length: 60 }, () =>
        many.send("POST", `/sessions/${id}/execute`, { command: "write" }),
      ),
    );
    let peak = 0;
    let peakRss = 0;
    for (let round = 0; round < 20; round++) {
      const answer = await fetch(`${many.url}/sessions/${neighbour}/execute`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ command: "true" }),
      });
      expect(await answer.json()).toMatchObject({ outcome: "exited" });
      peak = Math.max(peak, shares.memory.usedBytes);
      peakRss = Math.max(peakRss, process.memoryUsage().rss);
      await delay(25);
    }
    expect(peak).toBeGreaterThan(2 * MIB);
    expect(peak).toBeLessThanOrEqual(64 * MIB);
    expect((peakRss - before) / MIB).toBeLessThan(400);
    for (const client of clients) client[Symbol.dispose]();
  });
});
