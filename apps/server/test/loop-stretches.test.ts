import { describe, expect, it } from "vitest";
import { allEvents, textOf } from "./support/event-stream.ts";
import { CallsModel } from "./support/calls-model.ts";
import type { CallPiece } from "./support/calls-model.ts";
import { watched } from "./support/longest-stretch.ts";
import type { Watched } from "./support/longest-stretch.ts";
import { startTestApp } from "./support/test-app.ts";

// Each of the commands is an interpreter of its own.
const TIMEOUT_MS = 240_000;

/** Several times what is reached, since other tests and the collector of garbage take their part. */
const MAX_STRETCH_MS = 500;

/** The interpreters of the commands are in the same process. */
const MAX_GROWTH_BYTES = 1024 ** 3;

const OUTPUT_CHARACTERS = 99_000;

function* calls(count: number, args: string): Generator<CallPiece> {
  for (let index = 0; index < count; index++) {
    yield { index, id: `c${index}`, name: "execute", args };
  }
}

function report(name: string, { longestStretchMs, grownBytes }: Watched<unknown>): void {
  const grown = Math.round(grownBytes / 1024 ** 2);
  console.info(
    `${name}: longest stretch ${Math.round(longestStretchMs)} ms, grown by ${grown} MiB`,
  );
}

describe("the event loop while a turn runs", { timeout: TIMEOUT_MS }, () => {
  it("many calls with much output: no stretch is long, and memory is bounded", async () => {
    const args = JSON.stringify({ command: "cat much.txt" });
    const model = new CallsModel((answers) => (answers < 8 ? calls(16, args) : null));
    await using app = await startTestApp({ model: model.chosen() });
    const session = await app.createSession();
    await app.put(session, "much.txt", "x".repeat(OUTPUT_CHARACTERS));
    for (const turn of ["first", "on a long conversation"]) {
      const seen = await watched(async () => allEvents(await app.chatEvents(session, turn)));
      report(`many calls, ${turn}`, seen);
      const results = seen.result.filter(({ event }) => event === "tool-result");
      expect(results.length).toBeGreaterThan(64);
      expect(JSON.stringify(results[0]?.data).length).toBeGreaterThan(OUTPUT_CHARACTERS);
      expect(seen.longestStretchMs).toBeLessThan(MAX_STRETCH_MS);
      expect(seen.grownBytes).toBeLessThan(MAX_GROWTH_BYTES);
    }
  });

  it("an answer with 20,000 calls: ends its turn with an error, soon", async () => {
    const model = new CallsModel((answers) => (answers === 0 ? calls(20_000, "{}") : null));
    await using app = await startTestApp({ model: model.chosen() });
    const session = await app.createSession();
    const seen = await watched(async () => allEvents(await app.chatEvents(session, "go")));
    report("20,000 calls", seen);
    expect(seen.result.at(-1)?.data).toMatchObject({
      outcome: "failed",
      error: { code: "too-large", message: expect.stringContaining("500 calls") },
    });
    expect(seen.longestStretchMs).toBeLessThan(MAX_STRETCH_MS);
  });

  it("answers with 450 calls, again and again: end their turn with an error", async () => {
    const model = new CallsModel((answers) => (answers < 30 ? calls(450, "{}") : null));
    await using app = await startTestApp({ model: model.chosen() });
    const session = await app.createSession();
    const seen = await watched(async () => allEvents(await app.chatEvents(session, "go")));
    report("answers with 450 calls", seen);
    expect(seen.result.at(-1)?.data).toMatchObject({
      outcome: "failed",
      error: { code: "too-large", message: expect.stringContaining("2000 calls") },
    });
    const results = seen.result.filter(({ event }) => event === "tool-result");
    expect(results).toHaveLength(2250);
    expect(seen.longestStretchMs).toBeLessThan(MAX_STRETCH_MS);
  });

  it("arguments in 200,000 pieces of one character: are whole, and no stretch is long", async () => {
    const content = "y".repeat(200_000);
    const whole = JSON.stringify({ path: "w.txt", content });
    function* pieces(): Generator<CallPiece> {
      yield { index: 0, id: "c", name: "write_file", args: "" };
      for (const args of whole) yield { index: 0, args };
    }
    const model = new CallsModel((answers) => (answers === 0 ? pieces() : null));
    await using app = await startTestApp({ model: model.chosen() });
    const session = await app.createSession();
    const seen = await watched(async () => allEvents(await app.chatEvents(session, "go")));
    report("200,000 pieces", seen);
    expect(textOf(seen.result)).toBe("done");
    const sandbox = await app.services.manager.getSession(session);
    expect((await sandbox.execute("wc -c < w.txt")).stdout.trim()).toBe(String(content.length));
    expect(seen.longestStretchMs).toBeLessThan(MAX_STRETCH_MS);
  });
});
