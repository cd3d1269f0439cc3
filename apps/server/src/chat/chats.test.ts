import { MemoryBudget } from "@carrel/backend-protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp } from "../../test/support/test-app.ts";
import type { TestApp } from "../../test/support/test-app.ts";
import { PiecesModel } from "../../test/support/pieces-model.ts";
import { MAX_RUNNING_TURNS } from "./chats.ts";

describe("the memory of a turn", () => {
  it("Chats.start: ends a turn whose log is the most of what its user has too much of", async () => {
    const model = new PiecesModel(() => ({ pieces: 400, text: "x".repeat(1000) }));
    await using app = await startTestApp({ model: model.chosen() });
    const memory = new MemoryBudget({ name: "The user", limitBytes: 128 * 1024 });
    const { chats } = app.services;
    const session = await app.createSession("alice");
    const { outcome, error } = await chats.start(session, "go", memory).ended;
    expect({ outcome, code: error?.code }).toEqual({ outcome: "failed", code: "capacity" });
    expect(memory.usedBytes).toBe(0);
  });

  it("Chats.start: counts a log only while its turn runs", async () => {
    const held = Promise.withResolvers<void>();
    const answer = { pieces: 1, text: "x" };
    const model = new PiecesModel(() => answer, { before: held.promise });
    await using app = await startTestApp({ model: model.chosen() });
    const memory = new MemoryBudget({ name: "The user", limitBytes: 1024 ** 2 });
    const session = await app.createSession("alice");
    const turn = app.services.chats.start(session, "x".repeat(100_000), memory);
    expect(memory.usedBytes).toBeGreaterThan(90_000);
    held.resolve();
    expect((await turn.ended).outcome).toBe("completed");
    expect(memory.usedBytes).toBe(0);
  });
});

describe("turns that ended", () => {
  it(
    "Chats.latest: those of one user leave the events of others",
    { timeout: 60_000 },
    async () => {
      const model = new PiecesModel(() => ({ pieces: 1, text: "x" }));
      await using app = await startTestApp({ model: model.chosen() });
      const { chats } = app.services;
      const memory = new MemoryBudget({ name: "The user", limitBytes: 1024 ** 3 });
      const turnOf = async (userId: string, message: string): Promise<string> => {
        const session = await app.createSession(userId);
        await chats.start(session, message, memory).ended;
        return session;
      };
      const bob = await turnOf("bob", "hello");
      const alice: string[] = [];
      for (let turn = 0; turn < 6; turn++) alice.push(await turnOf("alice", "x".repeat(4_000_000)));
      expect(chats.latest(bob)).not.toBeNull();
      expect(chats.latest(alice.at(-1)!)).not.toBeNull();
      expect(chats.latest(alice[0]!)).toBeNull();
    },
  );
});

describe("turns that run at once", () => {
  let app: TestApp;
  let release: () => void;

  beforeEach(async () => {
    const held = new Promise<void>((resolve) => (release = resolve));
    const model = new PiecesModel(() => ({ pieces: 1, text: "x" }), { before: held });
    app = await startTestApp({ model: model.chosen() });
  });
  afterEach(async () => {
    release();
    await app[Symbol.asyncDispose]();
  });

  it("Chats.start: refuses more turns than the server runs at once, until some have ended", async () => {
    const { chats } = app.services;
    const turns = [];
    for (let count = 0; count < MAX_RUNNING_TURNS; count++) {
      turns.push(chats.start(await app.createSession(`user ${count}`), "go"));
    }
    const another = await app.createSession("alice");
    expect(() => chats.start(another, "go")).toThrow(/runs 256 turns/);
    expect((await app.chat(another, "go")).status).toBe(429);
    release();
    const ends = await Promise.all(turns.map(({ ended }) => ended));
    expect(ends.every(({ outcome }) => outcome === "completed")).toBe(true);
    expect((await app.chat(another, "go")).status).toBe(200);
  }, 60_000);
});
