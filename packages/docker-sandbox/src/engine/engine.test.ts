import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { FAKE_INFO, FAKE_VERSION, startFakeEngine, startServer } from "../testing/fake-engine.ts";
import { connectEngine } from "./engine.ts";

describe.skipIf(!engineOrSkip())("The engine of this machine", () => {
  it("is reached, and says what it is", async () => {
    await using engine = await connectEngine(testEngineOptions());
    expect(engine.version).toMatch(/^\d+\./);
    expect(engine.apiVersion).toMatch(/^1\.\d+$/);
    expect(engine.info).toMatchObject({
      architecture: expect.stringMatching(/^(amd64|arm64)$/),
      cgroupVersion: expect.toBeOneOf([1, 2]),
      storageDriver: expect.stringMatching(/./),
      runtimes: expect.arrayContaining(["runc"]),
    });
    expect(engine.components.get("runc")).toMatch(/^\d+\./);
    expect(engine.remote).toBe(false);
  });

  it("has no connection left when it is disposed, streams included, and takes no more calls", async () => {
    const engine = await connectEngine(testEngineOptions());
    const events = await engine.call("watch events", () => engine.docker.getEvents({}));
    events.on("error", () => undefined);
    expect(engine.connectionCount).toBeGreaterThan(0);
    await engine[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    expect(engine.connectionCount).toBe(0);
    const call = engine.call("list containers", (abortSignal) =>
      engine.docker.listContainers({ abortSignal }),
    );
    await expect(call).rejects.toMatchObject({ code: "unavailable" });
    expect(engine.connectionCount).toBe(0);
  });

  it("keeps no more than a few connections after many calls at once", async () => {
    await using engine = await connectEngine(testEngineOptions());
    await Promise.all(
      Array.from({ length: 100 }, () => engine.call("ping", () => engine.docker.ping())),
    );
    await expect.poll(() => engine.connectionCount).toBeLessThanOrEqual(8);
  });

  it("says which object is missing", async () => {
    await using engine = await connectEngine(testEngineOptions());
    const call = engine.call("inspect the container nobody", (abortSignal) =>
      engine.docker.getContainer("nobody").inspect({ abortSignal }),
    );
    await expect(call).rejects.toMatchObject({
      code: "not-found",
      message:
        "Docker could not inspect the container nobody, because the engine has no such object.",
    });
  });
});

describe("Connecting", () => {
  it("speaks the newest API that both know", async () => {
    await using fake = await startFakeEngine({ "/containers/json": [] });
    await using engine = await connectEngine({ host: fake.host });
    await engine.call("list containers", (abortSignal) =>
      engine.docker.listContainers({ abortSignal }),
    );
    expect(engine.apiVersion).toBe("1.49");
    expect(fake.requests).toEqual([
      "GET /version",
      "GET /v1.49/info",
      "GET /v1.49/containers/json",
    ]);
  });

  it("does not take its address from the environment", async () => {
    await using fake = await startFakeEngine();
    process.env["DOCKER_HOST"] = "tcp://192.0.2.1:2375";
    try {
      await using engine = await connectEngine({ host: fake.host });
      expect(engine.version).toBe("28.1.1");
    } finally {
      delete process.env["DOCKER_HOST"];
    }
  });

  it("says that nothing is there", async () => {
    await expect(connectEngine({ host: "unix:///nowhere/docker.sock" })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/nothing is at unix:\/\/\/nowhere.* start Docker/),
    });
  });

  it("says that nothing listens", async () => {
    await expect(connectEngine({ host: "tcp://127.0.0.1:1" })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("nothing listens"),
    });
  });

  it("says that a file is no socket", async () => {
    await expect(connectEngine({ host: "unix:///etc/passwd" })).rejects.toMatchObject({
      code: "invalid-argument",
      message: expect.stringMatching(/is no socket/),
    });
  });

  it.each([
    ["a page of HTML", "<html><body>Welcome</body></html>", "text/html"],
    ["other JSON", '{"hello":"world"}', "application/json"],
    ["half of some JSON", '{"Version":"28.1', "application/json"],
    ["nothing", "", "application/json"],
    ["an endless answer", "x".repeat(8 * 1024 * 1024), "text/plain"],
  ])("refuses %s as no engine", async (_name, body, type) => {
    await using server = await startServer((_request, response) => {
      response.writeHead(200, { "content-type": type }).end(body);
    });
    await expect(connectEngine({ host: server.host })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("is not Docker"),
    });
  });

  it("refuses what does not speak HTTP", async () => {
    const directory = await mkdtemp(join(tmpdir(), "carrel-garbage-"));
    const path = join(directory, "garbage.sock");
    const server = createServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    server.listen(path);
    await once(server, "listening");
    try {
      await expect(connectEngine({ host: `unix://${path}` })).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("is not Docker"),
      });
    } finally {
      server.close();
      await rm(directory, { recursive: true });
    }
  });

  it("does not follow a redirection", async () => {
    await using server = await startServer((_request, response) => {
      response.writeHead(302, { location: "gopher://elsewhere/" }).end();
    });
    await expect(connectEngine({ host: server.host })).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(server.requests).toEqual(["GET /version"]);
  });

  it.each(["/version", "/info"])("gives up at its deadline where %s hangs", async (path) => {
    await using fake = await startFakeEngine({ [path]: () => undefined });
    await expect(connectEngine({ host: fake.host, timeoutMs: 100 })).rejects.toMatchObject({
      code: "timeout",
      message: expect.stringContaining("100 ms"),
    });
  });

  it("ends when its caller aborts", async () => {
    const caller = new AbortController();
    await using fake = await startFakeEngine({ "/version": () => caller.abort() });
    const connecting = connectEngine({ host: fake.host, signal: caller.signal });
    await expect(connecting).rejects.toMatchObject({ code: "aborted" });
  });

  it("refuses an engine of Windows containers", async () => {
    await using fake = await startFakeEngine({ "/version": { ...FAKE_VERSION, Os: "windows" } });
    await expect(connectEngine({ host: fake.host })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Windows containers"),
    });
  });

  it("refuses an engine that is too old", async () => {
    const old = { ...FAKE_VERSION, Version: "19.03.15", ApiVersion: "1.40" };
    await using fake = await startFakeEngine({ "/version": old });
    await expect(connectEngine({ host: fake.host })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("Docker 19.03.15"),
    });
  });

  it("tells an engine that is broken from one that is absent", async () => {
    await using fake = await startFakeEngine({
      "/info": (_request, response) => void response.writeHead(500).end('{"message":"ttrpc"}'),
    });
    await expect(connectEngine({ host: fake.host })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("status 500"),
    });
  });

  it("keeps what the engine warns of", async () => {
    const warning = "WARNING: No swap limit support";
    await using fake = await startFakeEngine({ "/info": { ...FAKE_INFO, Warnings: [warning] } });
    await using engine = await connectEngine({ host: fake.host });
    expect(engine.info.warnings).toEqual([warning]);
  });

  it("closes the connection of a call that is given up", async () => {
    await using fake = await startFakeEngine({ "/containers/json": () => undefined });
    await using engine = await connectEngine({ host: fake.host });
    const call = engine.call(
      "list containers",
      (abortSignal) => engine.docker.listContainers({ abortSignal }),
      { timeoutMs: 50 },
    );
    await expect(call).rejects.toMatchObject({ code: "timeout" });
    await expect.poll(() => engine.connectionCount).toBeLessThanOrEqual(1);
  });
});
