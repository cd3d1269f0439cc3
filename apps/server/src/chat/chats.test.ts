import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp } from "../../test/support/test-app.ts";
import type { TestApp } from "../../test/support/test-app.ts";
import { PiecesModel } from "../../test/support/pieces-model.ts";
import { MAX_RUNNING_TURNS } from "./chats.ts";

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
