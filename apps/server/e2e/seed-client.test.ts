import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer } from "./running-server.ts";
import type { RunningServer } from "./running-server.ts";
import { sandboxKinds, titleOf } from "./sandbox-kinds.ts";
import type { SandboxKind } from "./sandbox-kinds.ts";

/** The flow of the page that the project was conceived from, over HTTP, as its client does it. */
for (const kind of sandboxKinds) {
  describe.skipIf(kind.missing !== null)(titleOf(kind, "the first client"), () => {
    describeClient(kind);
  });
}

function describeClient(kind: SandboxKind): void {
  let dataDir: string;
  let server: RunningServer;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "carrel-seed-"));
    server = await startServer({ dataDir, kind });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await kind.cleanUp(dataDir);
    await rm(dataDir, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${server.url}${path}`, {
      method,
      ...(body !== undefined && {
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
    expect(response.status, `${method} ${path}`).toBe(200);
    return response.json();
  }

  async function openSession(userId: string): Promise<string> {
    const { session_id: id } = (await call("POST", `/sessions?user_id=${userId}`)) as {
      session_id: string;
    };
    return id;
  }

  async function fileNames(sessionId: string): Promise<string[]> {
    const { files } = (await call("GET", `/sessions/${sessionId}/files`)) as {
      files: { name: string }[];
    };
    return files.map((file) => file.name);
  }

  test("alice has a script written and run, and bob sees nothing of it", async () => {
    const alice = await openSession("alice");
    const bob = await openSession("bob");
    const answer = await call("POST", `/sessions/${alice}/chat`, {
      message: "Create a hello world script and run it",
    });
    expect(answer).toEqual({
      response: expect.stringMatching(/hello,? world/i),
      session_id: alice,
    });
    expect(await fileNames(alice)).toContain("hello.py");
    expect(await fileNames(bob)).toEqual([]);
    const run = await call("POST", `/sessions/${bob}/execute`, { command: "cat hello.py" });
    expect(run).toMatchObject({ outcome: "exited", exit_code: 1 });
    expect(await call("GET", "/admin/sessions")).toEqual({
      count: 2,
      session_ids: expect.arrayContaining([alice, bob]),
    });
    expect(await call("DELETE", `/sessions/${alice}`)).toEqual({ message: "Session ended" });
    const gone = await fetch(`${server.url}/sessions/${alice}/files`);
    expect(gone.status).toBe(404);
    expect(await gone.json()).toEqual({
      error: { code: "not-found", message: expect.any(String) },
    });
  });

  test("a session that was idle for too long sleeps, and wakes on the next call", async () => {
    const carol = await openSession("carol");
    await call("POST", `/sessions/${carol}/execute`, { command: "echo kept > notes" });
    const { cleaned, active } = (await call("POST", "/admin/cleanup?max_idle=0")) as {
      cleaned: number;
      active: number;
    };
    expect(cleaned).toBeGreaterThan(0);
    expect(active).toBe(0);
    const run = await call("POST", `/sessions/${carol}/execute`, { command: "cat notes" });
    expect(run).toMatchObject({ stdout: "kept\n", exit_code: 0 });
  });

  test("a server that is asked to end exits in order, and files are there for the next one", async () => {
    const dora = await openSession("dora");
    await call("POST", `/sessions/${dora}/execute`, { command: "echo lasting > diary" });
    expect(await server.stop()).toBe(0);

    server = await startServer({ dataDir, kind });
    const again = await openSession("dora");
    const run = await call("POST", `/sessions/${again}/execute`, { command: "cat diary" });
    expect(run).toMatchObject({ stdout: "lasting\n" });
  });
}
