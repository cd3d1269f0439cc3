import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { listen } from "../src/http/listen.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";

describe("a caller", () => {
  it.each(["localhost:8000", "127.0.0.1", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"])(
    "who calls this machine %s is served",
    async (host) => {
      await using app = await startTestApp();
      expect((await app.request("/healthz", { headers: { Host: host } })).status).toBe(200);
    },
  );

  it.each([
    "evil.test",
    "localhost.evil.test",
    "127.0.0.1.evil.test",
    "127.0.0.2",
    "0.0.0.0:8000",
    "localhost:8000@evil.test",
    "[::2]",
    "localhost,evil.test",
    "",
  ])("who calls it %j is refused, whatever else the request says", async (host) => {
    await using app = await startTestApp();
    const forwarded = {
      "X-Forwarded-Host": "localhost",
      "X-Forwarded-For": "127.0.0.1",
      Forwarded: "host=localhost",
    };
    for (const path of ["/healthz", "/", "/nothing"]) {
      const answer = await app.request(path, { headers: { Host: host, ...forwarded } });
      expect(await errorOf(answer)).toMatchObject({ status: 403, code: "forbidden" });
    }
    const absolute = await app.request("http://evil.test/healthz", {
      headers: { Host: "localhost" },
    });
    expect(absolute.status).toBe(403);
  });

  it.each([
    { Origin: "https://evil.test" },
    { Origin: "null" },
    { Origin: "http://localhost:3000" },
    { Origin: "http://localhost.evil.test" },
    { Origin: "https://localhost" },
    { Origin: "HTTP://LOCALHOST:3000" },
    { "Sec-Fetch-Site": "cross-site" },
    { Origin: "http://localhost", "Sec-Fetch-Site": "cross-site" },
  ])("from a page of another origin (%j) changes nothing", async (headers) => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const attempts: [string, string][] = [
      ["POST", "/sessions"],
      ["DELETE", `/sessions/${session}`],
      ["POST", `/sessions/${session}/execute`],
      ["PUT", `/sessions/${session}/files/content?path=a`],
      ["POST", "/admin/cleanup?max_idle=0"],
      ["OPTIONS", "/sessions"],
    ];
    for (const [method, path] of attempts) {
      const answer = await app.request(path, {
        method,
        headers: { Host: "localhost", ...headers },
      });
      expect(await errorOf(answer)).toMatchObject({ status: 403, code: "forbidden" });
      expect(
        [...answer.headers.keys()].filter((name) => name.startsWith("access-control")),
      ).toEqual([]);
    }
    expect(await (await app.request("/admin/sessions")).json()).toMatchObject({ count: 1 });
    const read = await app.request(`/sessions/${session}/messages`, { headers });
    expect([...read.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual(
      [],
    );
  });

  it.each([
    {},
    { Origin: "http://localhost:8000", "Sec-Fetch-Site": "same-origin" },
    { Origin: "http://localhost:8000" },
    { "Sec-Fetch-Site": "none" },
  ])("from the server's own page or without a page (%j) is served", async (headers) => {
    await using app = await startTestApp();
    const answer = await app.request("/sessions", {
      method: "POST",
      headers: { Host: "localhost:8000", ...headers },
    });
    expect(answer.status).toBe(200);
  });
});

describe("every answer", () => {
  it.each(["/", "/healthz", "/nothing", "/admin/sessions"])(
    "of %s keeps pages in their bounds",
    async (path) => {
      await using app = await startTestApp();
      const { headers } = await app.request(path);
      const policy = headers.get("Content-Security-Policy")?.split("; ") ?? [];
      expect(policy).toEqual(
        expect.arrayContaining([
          "default-src 'self'",
          "script-src 'self'",
          "img-src 'self' data: blob:",
          "frame-ancestors 'none'",
          "base-uri 'none'",
          "form-action 'self'",
        ]),
      );
      expect(policy.find((rule) => rule.startsWith("script-src"))).not.toContain("unsafe");
      expect(Object.fromEntries(headers)).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
      });
      expect(headers.get("x-powered-by")).toBeNull();
      expect(headers.get("set-cookie")).toBeNull();
    },
  );

  it("has an id of the server's own making", async () => {
    await using app = await startTestApp();
    const answer = await app.request("/healthz", { headers: { "X-Request-Id": "mine" } });
    expect(answer.headers.get("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe("bytes that are no proper request", () => {
  it.each([
    ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400],
    ["a Host that is no address", "GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
    [
      "another host's address",
      "GET http://evil.test/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
      403,
    ],
    ["a path with a backslash", "GET \\evil HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
    ["TRACE", "TRACE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 405],
    ["CONNECT", "CONNECT evil.test:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405],
    ["an expectation", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n", 417],
    ["no version of HTTP", "GET /healthz\r\n\r\n", 400],
    [
      "a body in broken pieces",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      400,
    ],
    [
      "two lengths",
      "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    [
      "a long header",
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(17_000)}\r\n\r\n`,
      431,
    ],
    ["a NUL in a header", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", 400],
    ["TLS", "\x16\x03\x01 TLS", 400],
  ])("(%s) are refused, and the server goes on", async (_, bytes, status) => {
    await using app = await startTestApp();
    const server = await listen(app.app, { host: "127.0.0.1", port: 0 });
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.end(bytes);
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
    socket.on("error", () => undefined);
    await once(socket, "close");
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    expect(Number(head.split(" ")[1])).toBe(status);
    expect(head.toLowerCase()).toContain("content-type: application/json");
    expect(JSON.parse(body)).toEqual({
      error: { code: expect.any(String), message: expect.stringMatching(/.{10}/) },
    });
    expect((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status).toBe(200);
    await server.close();
  });
});
