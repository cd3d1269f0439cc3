import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp } from "../../test/support/test-app.ts";
import type { TestApp } from "../../test/support/test-app.ts";
import { PiecesModel } from "../../test/support/pieces-model.ts";
import { MAX_RUNNING_TURNS_PER_USER } from "./chats.ts";

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

  it("a user with the most of them: is refused another, and others are not", async () => {
    const { chats } = app.services;
    const turns = [];
    for (let count = 0; count < MAX_RUNNING_TURNS_PER_USER; count++) {
      turns.push(chats.start(await app.createSession("alice"), "go"));
    }
    const another = await app.createSession("alice");
    expect(() => chats.start(another, "go")).toThrow(/64 turns of this user run already/);
    expect((await app.chat(another, "go")).status).toBe(429);
    turns.push(chats.start(await app.createSession("bob"), "go"));
    turns.push(chats.start(await app.createSession(), "go"));
    release();
    const ends = await Promise.all(turns.map(({ ended }) => ended));
    expect(ends.every(({ outcome }) => outcome === "completed")).toBe(true);
    expect((await app.chat(another, "go")).status).toBe(200);
  });
});
