import { describe, expect, it } from "vitest";
import { listen } from "../src/http/listen.ts";
import { startTestApp } from "./support/test-app.ts";

describe("a command over HTTP", () => {
  it("answers how it ended and what it wrote", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const answer = await app.post(`/sessions/${session}/execute`, {
      command: "echo out; echo err >&2; exit 3",
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      outcome: "exited",
      exit_code: 3,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
      output: "out\nerr\n",
      truncated: false,
      duration_ms: expect.any(Number),
    });
  });

  it("sees nothing of the server's environment", async () => {
    process.env["OPENAI_API_KEY"] = "sk-canary";
    await using app = await startTestApp();
    const session = await app.createSession();
    const commands = [
      "env",
      "export",
      'python3 -c "import os; print(os.environ)"',
      "cat /proc/self/environ",
    ];
    for (const command of commands) {
      const answer = await app.post(`/sessions/${session}/execute`, { command });
      expect(await answer.text()).not.toContain("sk-canary");
    }
    delete process.env["OPENAI_API_KEY"];
  });

  it("is stopped after its time", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const command = { command: "sleep 60", timeout_seconds: 0.2 };
    const answer = await app.post(`/sessions/${session}/execute`, command);
    expect(await answer.json()).toMatchObject({ outcome: "timed-out", exit_code: null });
  });

  it("is stopped when its client leaves", async () => {
    await using app = await startTestApp();
    const server = await listen(app.app, { host: "127.0.0.1", port: 0 });
    const session = await app.createSession();
    const sandbox = await app.services.manager.getSession(session);
    const running = async (): Promise<number> =>
      (await sandbox.processes()).filter(({ result }) => result === null).length;
    const leave = new AbortController();
    const request = fetch(`http://127.0.0.1:${server.port}/sessions/${session}/execute`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ command: "sleep 60" }),
      signal: leave.signal,
    }).catch(() => "left");
    await expect.poll(running, { timeout: 10_000 }).toBe(1);
    leave.abort();
    expect(await request).toBe("left");
    await expect.poll(running, { timeout: 10_000 }).toBe(0);
    await server.close();
  });
});
