import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { SandboxProvider } from "@carrel/backend-protocol";
import { startServer } from "./running-server.ts";
import type { RunningServer } from "./running-server.ts";
import { docker, dockerProviderOf, titleOf } from "./sandbox-kinds.ts";

/** A key as sessions of their own have it. */
const LOST = `ses_${"x".repeat(24)}`;

/** Containers outlive a server that is killed: what the next one makes of them. */
describe.skipIf(docker.missing !== null)(titleOf(docker, "a server that is killed"), () => {
  let dataDir: string;
  let server: RunningServer;
  let engine: SandboxProvider;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "carrel-killed-"));
    server = await startServer({ dataDir, kind: docker });
    engine = await dockerProviderOf(dataDir);
  });
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
    await docker.cleanUp(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });

  async function openSession(userId?: string): Promise<string> {
    const query = userId === undefined ? "" : `?user_id=${userId}`;
    const response = await fetch(`${server.url}/sessions${query}`, { method: "POST" });
    return ((await response.json()) as { session_id: string }).session_id;
  }

  async function execute(session: string, command: string): Promise<{ stdout: string }> {
    const response = await fetch(`${server.url}/sessions/${session}/execute`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ command }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as { stdout: string };
  }

  async function statuses(): Promise<Record<string, string>> {
    return Object.fromEntries((await engine.list()).map(({ key, status }) => [key, status]));
  }

  async function conversationOf(session: string): Promise<{ role: string; text?: string }[]> {
    const response = await fetch(`${server.url}/sessions/${session}/messages`);
    return ((await response.json()) as { messages: { role: string; text?: string }[] }).messages;
  }

  test("leaves all to the next one: sessions, files, conversations, and what runs", async () => {
    const alice = await openSession("alice");
    const nobody = await openSession();
    await execute(alice, "echo kept > notes; (sleep 600 &) >/dev/null 2>&1");
    const chat = await fetch(`${server.url}/sessions/${alice}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message: "list files" }),
    });
    expect(chat.status).toBe(200);
    await execute(nobody, "true");
    // Whose sessions no store knows.
    await engine.create("stranger");
    await engine.create(LOST);
    const before = await engine.find("alice");
    await server.kill();
    expect(await statuses()).toEqual({
      alice: "running",
      [nobody]: "running",
      stranger: "running",
      [LOST]: "running",
    });

    server = await startServer({ dataDir, kind: docker });
    expect(await execute(alice, "cat notes; pgrep -c sleep")).toMatchObject({
      stdout: "kept\n1\n",
    });
    expect((await conversationOf(alice)).map(({ role }) => role)).toEqual(["user", "assistant"]);
    await vi.waitFor(
      async () =>
        expect(await statuses()).toEqual({
          alice: "running",
          [nobody]: "running",
          stranger: "stopped",
          // The database may have been lost, and not the session: its files stay.
          [LOST]: "stopped",
        }),
      { timeout: 25_000 },
    );
    expect((await engine.find("alice"))?.id).toBe(before?.id);
    await execute(nobody, "true");
  });

  test("keeps no second one out, and a living one does", async () => {
    await expect(startServer({ dataDir, kind: docker })).rejects.toThrow(/is used by process \d+/);
    expect(await statuses()).toMatchObject({ alice: "running" });
  });

  test("that is told to end instead stops what runs", async () => {
    expect(await server.stop()).toBe(0);
    expect(new Set(Object.values(await statuses()))).toEqual(new Set(["stopped"]));
  });
});
