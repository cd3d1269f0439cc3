import { expect, it } from "vitest";
import { listen } from "../src/http/listen.ts";
import { startTestApp } from "./support/test-app.ts";

it("serves the client of the page that this project was conceived from, over HTTP", async () => {
  await using app = await startTestApp();
  const server = await listen(app.app, { host: "127.0.0.1", port: 0 });
  const base = `http://localhost:${server.port}`;

  const created = await fetch(`${base}/sessions?user_id=alice`, { method: "POST" });
  expect(created.status).toBe(200);
  const { session_id: id } = (await created.json()) as { session_id: string };
  expect(Object.keys({ session_id: id })).toEqual(["session_id"]);

  const chat = await fetch(`${base}/sessions/${id}/chat`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "*/*" },
    body: JSON.stringify({ message: "Create a hello world script and run it" }),
  });
  expect(chat.status).toBe(200);
  expect(await chat.json()).toEqual({
    response: expect.stringContaining("Hello, world!"),
    session_id: id,
  });

  const listed = await fetch(`${base}/sessions/${id}/files`);
  expect(await listed.json()).toEqual({
    files: [
      {
        name: "hello.py",
        path: "/workspace/hello.py",
        is_dir: false,
        size: 23,
        modified_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      },
    ],
    next: null,
  });

  expect(await (await fetch(`${base}/admin/sessions`)).json()).toEqual({
    count: 1,
    session_ids: [id],
  });
  expect(await (await fetch(`${base}/admin/sessions/${id}`)).json()).toEqual({ exists: true });
  const cleanup = await fetch(`${base}/admin/cleanup?max_idle=0`, { method: "POST" });
  expect(await cleanup.json()).toEqual({ cleaned: 1, active: 0 });
  expect(await (await fetch(`${base}/sessions/${id}/files?path=.`)).json()).toMatchObject({
    files: [{ name: "hello.py" }],
  });

  const ended = await fetch(`${base}/sessions/${id}`, { method: "DELETE" });
  expect(await ended.json()).toEqual({ message: "Session ended" });
  expect(await (await fetch(`${base}/admin/sessions/${id}`)).json()).toEqual({ exists: false });
  const after = await fetch(`${base}/sessions/${id}/chat`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ message: "Still there?" }),
  });
  expect(after.status).toBe(404);
  await server.close();
});
