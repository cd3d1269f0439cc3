import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MAX_JSON_BYTES } from "../src/http/body-limits.ts";
import { ERROR_STATUS } from "../src/errors/error-status.ts";
import { startTestApp } from "./support/test-app.ts";
import type { TestApp } from "./support/test-app.ts";

interface RouteCase {
  /** After the path. */
  query?: string;
  /** A JSON body that the route takes. */
  body?: Record<string, unknown>;
  /** Bodies that fit the schema in form and not in meaning. */
  badBodies?: unknown[];
  /** Which query parameter is a path in the sandbox. */
  pathParameter?: string;
  /** Queries that are refused. */
  badQueries?: string[];
  /** What an unknown session is answered, where that is no error. */
  unknownSession?: unknown;
}

/** Every route of the server. One that is not here fails the test below. */
const ROUTES: Record<string, RouteCase> = {
  "POST /sessions": {
    badQueries: ["?user_id=a&user_id=b", `?user_id=${"x".repeat(300)}`, "?user_id=a%00b"],
  },
  "GET /sessions/:session_id": {},
  "DELETE /sessions/:session_id": {},
  "POST /sessions/:session_id/chat": {
    body: { message: "list files" },
    badBodies: [
      {},
      { message: "" },
      { message: "  \n" },
      { message: null },
      { message: 1 },
      { message: ["a"] },
      { message: { $ne: null } },
      { message: "x".repeat(100_001) },
      { message: "a", user_id: "b" },
      { message: "a", session_id: "b" },
    ],
  },
  "GET /sessions/:session_id/chat/events": {
    badQueries: ["?after=-1", "?after=x", "?after=1&after=2", "?after=1e3", "?turn_id=a&turn_id=b"],
  },
  "POST /sessions/:session_id/chat/cancel": {},
  "GET /sessions/:session_id/messages": {},
  "GET /sessions/:session_id/files": { pathParameter: "path", badQueries: ["?path="] },
  "GET /sessions/:session_id/files/content": {
    query: "?path=a.txt",
    pathParameter: "path",
    badQueries: ["", "?path=", "?path=a&path=b"],
  },
  "PUT /sessions/:session_id/files/content": {
    query: "?path=b.txt",
    pathParameter: "path",
    badQueries: ["", "?path=", "?path=.", "?path=/workspace"],
  },
  "DELETE /sessions/:session_id/files/content": {
    query: "?path=b.txt",
    pathParameter: "path",
    badQueries: ["", "?path=", "?path=/workspace", "?path=/"],
  },
  "GET /sessions/:session_id/files/archive": { pathParameter: "path", badQueries: ["?path="] },
  "POST /sessions/:session_id/execute": {
    body: { command: "true" },
    badBodies: [
      {},
      { command: "" },
      { command: 1 },
      { command: ["ls"] },
      { command: "a\0b" },
      { command: "é".repeat(70_000) },
      { command: "true", timeout_seconds: 0 },
      { command: "true", timeout_seconds: -1 },
      { command: "true", timeout_seconds: "5" },
      { command: "true", timeout_seconds: 86_401 },
      { command: "true", timeout_seconds: null },
      { command: "true", timeout: 5 },
    ],
  },
  "POST /admin/cleanup": {
    query: "?max_idle=100000",
    badQueries: [
      "?max_idle=",
      "?max_idle=-1",
      "?max_idle=1.5",
      "?max_idle=1e9",
      "?max_idle=a",
      "?max_idle=1&max_idle=2",
    ],
  },
  "GET /admin/sessions": {},
  "GET /admin/sessions/:session_id": { unknownSession: { exists: false } },
  "GET /healthz": {},
  "GET /metrics": {},
  "GET /openapi.json": {},
  "GET /": {},
};

const UNKNOWN_SESSIONS = [
  "ses_AAAAAAAAAAAAAAAAAAAAAAAA",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "null",
  "%00",
  "%2e%2e%2fadmin",
  "%F0%9F%98%80",
  "*",
  "x".repeat(5000),
];

const UNKNOWN_SESSION_BODY = JSON.stringify({
  error: {
    code: "not-found",
    message: "There is no such session. It may have ended: create a new one with POST /sessions.",
  },
});

const BAD_PATHS = ["a%00b", "x".repeat(300), `${"a/".repeat(3000)}a`];

// What is no object at all, or no JSON.
const BAD_TEXTS = [
  "",
  "null",
  "[]",
  '"x"',
  "1e400",
  "{",
  '{"message":',
  "[".repeat(100_000),
  `{"message":${"[".repeat(50_000)}${"]".repeat(50_000)}}`,
  '{"__proto__":{"message":"x","command":"x"}}',
  '{"constructor":{"prototype":{"message":"x"}}}',
];

let app: TestApp;
let session: string;

beforeAll(async () => {
  app = await startTestApp();
  session = await app.createSession("alice");
  await app.put(session, "a.txt", "a");
});

afterAll(async () => {
  await app[Symbol.asyncDispose]();
});

function registeredRoutes(): string[] {
  const own = app.app.routes.filter(({ method }) => method !== "ALL");
  return [...new Set(own.map(({ method, path }) => `${method} ${path}`))];
}

function split(route: string): { method: string; path: string } {
  const [method = "", path = ""] = route.split(" ");
  return { method, path };
}

async function send(
  route: string,
  { sessionId = session, query, text }: { sessionId?: string; query?: string; text?: string } = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  const { method, path } = split(route);
  const { body, query: usual = "" } = ROUTES[route] ?? {};
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  return app.request(path.replace(":session_id", sessionId) + (query ?? usual), {
    method,
    headers: { ...(content !== undefined && { "Content-Type": "application/json" }), ...headers },
    ...(content !== undefined && { body: content }),
  });
}

async function expectError(answer: Response, statuses: readonly number[]): Promise<void> {
  const text = await answer.text();
  expect(statuses, text).toContain(answer.status);
  const { error } = JSON.parse(text) as {
    error: { code: keyof typeof ERROR_STATUS; message: string };
  };
  expect(Object.keys(JSON.parse(text) as object)).toEqual(["error"]);
  expect(ERROR_STATUS[error.code]).toBe(answer.status);
  expect(error.message.length).toBeGreaterThan(5);
  expect(error.message.length).toBeLessThan(600);
  expect(text).not.toMatch(/node_modules|\/src\/|at async/);
  expect(answer.headers.get("Content-Type")).toBe("application/json");
  expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(answer.headers.get("Cache-Control")).toContain("no-store");
}

const names = Object.keys(ROUTES);
const withSession = names.filter((name) => name.includes(":session_id"));
const withBody = names.filter((name) => ROUTES[name]?.body !== undefined);

describe("every route", () => {
  it("is in this matrix, and this matrix has no other", () => {
    expect(registeredRoutes().toSorted()).toEqual(names.toSorted());
  });

  it.each(names)("%s answers when it is asked well", async (route) => {
    const sessionId = route.startsWith("DELETE /sessions/:session_id")
      ? await app.createSession()
      : session;
    const answer = await send(route, { sessionId });
    await answer.body?.cancel();
    expect([200, 204]).toContain(answer.status);
  });

  it.each(withSession)("%s does not know a session that does not exist", async (route) => {
    const { unknownSession } = ROUTES[route] ?? {};
    const bodies = new Set<string>();
    for (const sessionId of UNKNOWN_SESSIONS) {
      const answer = await send(route, { sessionId });
      if (unknownSession === undefined) {
        bodies.add(await answer.clone().text());
        await expectError(answer, [404]);
      } else expect(await answer.json()).toEqual(unknownSession);
    }
    if (unknownSession === undefined) expect([...bodies]).toEqual([UNKNOWN_SESSION_BODY]);
  });

  it.each(withBody)("%s refuses what is no JSON object of its form", async (route) => {
    for (const text of BAD_TEXTS) await expectError(await send(route, { text }), [400]);
    for (const body of ROUTES[route]?.badBodies ?? []) {
      await expectError(await send(route, { text: JSON.stringify(body) }), [400]);
    }
  });

  it.each(withBody)("%s refuses a body of another type", async (route) => {
    const types = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "application/xml",
      "x",
    ];
    for (const type of types) {
      await expectError(await send(route, {}, { "Content-Type": type }), [415]);
    }
  });

  it.each(names.filter((name) => !/^(GET|PUT)/.test(name)))(
    "%s refuses a body that is too large",
    async (route) => {
      const text = `{"message":"${"x".repeat(MAX_JSON_BYTES)}"}`;
      await expectError(await send(route, { text }), [413]);
      await expectError(
        await send(route, { text }, { "Content-Length": String(text.length) }),
        [413],
      );
    },
  );

  it.each(names.filter((name) => ROUTES[name]?.badQueries))(
    "%s refuses queries that it cannot mean",
    async (route) => {
      for (const query of ROUTES[route]?.badQueries ?? []) {
        await expectError(await send(route, { query }), [400]);
      }
    },
  );

  it.each(names.filter((name) => ROUTES[name]?.pathParameter))(
    "%s refuses bad paths",
    async (route) => {
      for (const path of BAD_PATHS) {
        await expectError(
          await send(route, { query: `?${ROUTES[route]?.pathParameter}=${path}` }),
          [400],
        );
      }
    },
  );

  it.each(names)("%s says which methods it takes", async (route) => {
    const { path } = split(route);
    for (const method of ["PATCH", "OPTIONS", "PROPFIND"]) {
      const answer = await app.request(path.replace(":session_id", session), { method });
      expect(answer.headers.get("Allow")?.split(", ")).toContain(split(route).method);
      await expectError(answer, [405]);
    }
  });

  it("keeps the server alive after all of this", async () => {
    expect((await app.request("/healthz")).status).toBe(200);
    const { polluted } = {} as { polluted?: unknown };
    expect(polluted).toBeUndefined();
    expect(app.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});

describe("a route that does not exist", () => {
  it.each([
    "/nothing",
    "/sessions/",
    "//admin/sessions",
    "/Admin/sessions",
    "/admin/sessions;x=1",
    "/admin%2Fsessions",
    "/.env",
    "/.git/config",
    "/package.json",
    "/assets/../package.json",
    "/assets/%2e%2e/package.json",
    "/src/main.ts",
    "/metric",
    "/debug",
  ])("%s is answered as an error", async (path) => {
    await expectError(await app.request(path), [404]);
  });
});
