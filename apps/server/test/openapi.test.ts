import { expect, it } from "vitest";
import { startTestApp } from "./support/test-app.ts";

interface ApiDocument {
  openapi: string;
  paths: Record<
    string,
    Record<
      string,
      {
        summary?: string;
        responses: Record<string, { content?: Record<string, { schema: unknown }> }>;
      }
    >
  >;
  components: { schemas: Record<string, unknown> };
}

// The page, and the description itself.
const NOT_DESCRIBED = ["GET /", "GET /openapi.json"];

it("describes every route with its answers and its errors", async () => {
  await using app = await startTestApp();
  const answer = await app.request("/openapi.json");
  const document = (await answer.json()) as ApiDocument;
  expect(document.openapi).toBe("3.1.0");
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(
      (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(.+?)\}/g, ":$1")}`,
    ),
  );
  const registered = app.app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`)
    .filter((route) => !NOT_DESCRIBED.includes(route));
  expect(described.toSorted()).toEqual([...new Set(registered)].toSorted());
  for (const operation of Object.values(document.paths).flatMap((methods) =>
    Object.values(methods),
  )) {
    expect(operation.summary).toBeTruthy();
    expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(["200", "403", "500"]));
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (Number(status) < 400) continue;
      expect(content?.["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/Error" });
    }
  }
});

it("describes events, downloads and parameters as what they are", async () => {
  await using app = await startTestApp();
  const document = (await (await app.request("/openapi.json")).json()) as ApiDocument;
  const { paths } = document;
  const chat = paths["/sessions/{session_id}/chat"]?.["post"];
  expect(Object.keys(chat?.responses["200"]?.content ?? {})).toEqual([
    "application/json",
    "text/event-stream",
  ]);
  expect(paths["/sessions/{session_id}/files/archive"]?.["get"]).toMatchObject({
    responses: {
      200: { content: { "application/x-tar": { schema: { type: "string", format: "binary" } } } },
    },
  });
  expect(paths["/admin/cleanup"]?.["post"]).toMatchObject({
    parameters: [{ name: "max_idle", in: "query", required: false, schema: { type: "integer" } }],
  });
  expect(Object.keys(document.components.schemas)).toEqual(
    expect.arrayContaining([
      "Error",
      "ChatEvent",
      "Message",
      "ToolDetail",
      "FileEntry",
      "ExecuteResult",
    ]),
  );
});
