import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp } from "./support/test-app.ts";

describe("a server that starts again on the same data", () => {
  let dataDir: string;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "carrel-restart-"));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  it("has the sessions, their files and conversations", async () => {
    let session: string;
    {
      await using before = await startTestApp({ dataDir });
      session = await before.createSession("alice");
      await before.put(session, "a.txt", "kept");
      await before.chat(session, "list files");
    }
    await using after = await startTestApp({ dataDir });
    expect(await (await after.request(`/sessions/${session}`)).json()).toMatchObject({
      user_id: "alice",
      state: "stopped",
      progress: null,
    });
    expect(await (await after.request(`/admin/sessions/${session}`)).json()).toEqual({
      exists: true,
    });
    const messages = await (await after.request(`/sessions/${session}/messages`)).json();
    expect(messages).toMatchObject({
      messages: [{ text: "list files" }, { outcome: "completed" }],
    });
    expect(await (await after.chat(session, "list files")).json()).toMatchObject({
      response: expect.stringContaining("a.txt"),
    });
  });

  it("does not have those that ended, nor what was said in them", async () => {
    let session: string;
    {
      await using before = await startTestApp({ dataDir });
      session = await before.createSession("alice");
      await before.chat(session, "list files");
      await before.request(`/sessions/${session}`, { method: "DELETE" });
    }
    await using after = await startTestApp({ dataDir });
    for (const path of [`/sessions/${session}`, `/sessions/${session}/messages`]) {
      expect((await after.request(path)).status).toBe(404);
    }
    const next = await after.createSession("alice");
    expect(await (await after.request(`/sessions/${next}/messages`)).json()).toMatchObject({
      messages: [],
    });
  });
});
