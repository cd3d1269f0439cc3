import { once } from "node:events";
import { request } from "node:http";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import type { Container } from "dockerode";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ENGINE_PATH, TEST_IMAGE, engineOrSkip } from "../testing/engine.ts";
import { EngineProxy } from "./engine-proxy.ts";

describe.skipIf(!engineOrSkip())("The proxy in front of a real engine", () => {
  const direct = new Docker({ socketPath: ENGINE_PATH });
  let container: Container;

  beforeAll(async () => {
    container = await direct.createContainer({
      Image: TEST_IMAGE,
      Cmd: ["sleep", "600"],
      Labels: { "carrel.test": "fault-proxy" },
      HostConfig: { NetworkMode: "none" },
    });
    await container.start();
  });
  afterAll(() => container.remove({ force: true }));

  async function execute(docker: Docker, ...command: string[]): Promise<Buffer> {
    const exec = await docker.getContainer(container.id).exec({
      Cmd: command,
      AttachStdin: true,
      AttachStdout: true,
      Tty: false,
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    stream.end("typed in");
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "close");
    return Buffer.concat(chunks);
  }

  it("passes calls, streams both ways and the end of either, and counts them", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    const { Version } = await direct.version();
    expect(await docker.version()).toMatchObject({ Version });
    expect((await docker.listContainers()).some(({ Id }) => Id === container.id)).toBe(true);
    expect((await execute(docker, "cat")).toString()).toContain("typed in");
    const big = await execute(docker, "head", "-c", "5000000", "/dev/zero");
    expect(big.filter((byte) => byte === 0).length).toBeGreaterThanOrEqual(5_000_000);
    const { calls, bytes, connectionCount } = proxy.statistics;
    expect(Object.fromEntries(calls)).toEqual({
      version: 1,
      list: 1,
      "exec-create": 2,
      "exec-start": 2,
    });
    expect(bytes["from-sandbox"]).toBeGreaterThan(5_000_000);
    expect(bytes["to-sandbox"]).toBe(2 * "typed in".length);
    expect(connectionCount).toBe(0);
  });

  it("cuts a call at a byte of its request or answer, and the engine sees the end", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    for (const flow of ["request", "answer"] as const) {
      for (const afterBytes of [0, 1, 40]) {
        using _ = proxy.inject({ calls: ["version"], fault: { kind: "cut", flow, afterBytes } });
        await expect(docker.version()).rejects.toThrow(/hang up|aborted|ECONNRESET|Parse/);
      }
    }
    expect(await docker.version()).toHaveProperty("Version");
    expect(proxy.statistics.faults.get("cut")).toBe(6);
  });

  it("loses an answer after the engine did the work", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    const fault = { kind: "cut", flow: "answer", afterBytes: 0 } as const;
    using _ = proxy.inject({ calls: ["create"], nth: 1, fault });
    const name = `carrel-test-lost-${process.pid}`;
    const body = {
      name,
      Image: TEST_IMAGE,
      Cmd: ["true"],
      Labels: { "carrel.test": "fault-proxy" },
    };
    await expect(docker.createContainer(body)).rejects.toThrow("hang up");
    await direct.getContainer(name).remove();
  });

  it("cuts and silences a stream at a byte", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    const flow = "from-sandbox";
    using cut = proxy.inject({ fault: { kind: "cut", flow, afterBytes: 1000 } });
    expect(await execute(docker, "head", "-c", "100000", "/dev/zero")).toHaveLength(1000);
    cut[Symbol.dispose]();
    using _ = proxy.inject({ fault: { kind: "hang", flow, afterBytes: 1000 } });
    const silent = execute(docker, "head", "-c", "100000", "/dev/zero");
    while (proxy.statistics.bytes[flow] < 2000) await new Promise(setImmediate);
    proxy.cutAll();
    expect(await silent).toHaveLength(1000);
  });

  it("delays and throttles", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    using slow = proxy.inject({ fault: { kind: "delay", flow: "answer", delayMs: 300 } });
    const before = performance.now();
    await docker.version();
    expect(performance.now() - before).toBeGreaterThanOrEqual(290);
    slow[Symbol.dispose]();
    using _ = proxy.inject({ fault: { kind: "throttle", flow: "answer", bytesPerSecond: 2000 } });
    const sent = proxy.statistics.bytes.answer;
    const begun = performance.now();
    await docker.version();
    const seconds = (proxy.statistics.bytes.answer - sent) / 2000;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(seconds * 900);
  });

  it("rewrites an answer, with and without asking the engine", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    const body = JSON.stringify({ message: "planted" });
    for (const engineAsked of [true, false]) {
      const fault = { kind: "rewrite", status: 503, body, engineAsked } as const;
      using _ = proxy.inject({ calls: ["version"], fault });
      await expect(docker.version()).rejects.toMatchObject({ statusCode: 503 });
    }
    expect(await docker.version()).toHaveProperty("Version");
  });

  it("lets something be done at the very moment before or after the engine's work", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    const states: boolean[] = [];
    const run = async (): Promise<void> => {
      states.push((await container.inspect()).State.Paused);
    };
    using _ = proxy.inject({
      calls: ["pause"],
      fault: { kind: "interrupt", flow: "request", run },
    });
    using __ = proxy.inject({
      calls: ["unpause"],
      fault: { kind: "interrupt", flow: "answer", run },
    });
    await docker.getContainer(container.id).pause();
    await docker.getContainer(container.id).unpause();
    expect(states).toEqual([false, false]);
  });

  it("hangs until its caller gives up, and holds nothing afterwards", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    using _ = proxy.inject({ fault: { kind: "hang", flow: "request", afterBytes: 0 } });
    const abortSignal = AbortSignal.timeout(200);
    await expect(docker.listContainers({ abortSignal })).rejects.toThrow("aborted");
    while (proxy.statistics.connectionCount > 0) await new Promise(setImmediate);
  });

  it("refuses connections as an engine that was killed, and comes back", async () => {
    await using proxy = await EngineProxy.start({ enginePath: ENGINE_PATH });
    const docker = new Docker({ socketPath: proxy.socketPath });
    const events = await docker.getEvents();
    const broken = once(events, "close").catch(() => undefined);
    const outage = await proxy.refuse();
    await broken;
    await expect(docker.version()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await outage[Symbol.asyncDispose]();
    expect(await docker.version()).toHaveProperty("Version");
  });
});

describe("The proxy in front of something that is no engine", () => {
  it("stops reading where nobody takes what comes", async () => {
    const directory = await mkdtemp(join(tmpdir(), "carrel-no-engine-"));
    const enginePath = join(directory, "engine.sock");
    const sent = Promise.withResolvers<Socket>();
    const flood = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      const piece = Buffer.alloc(64 * 1024);
      const pour = (): void => {
        while (socket.write(piece));
        sent.resolve(socket);
      };
      socket.on("drain", pour);
      socket.once("data", pour);
    }).listen(enginePath);
    await using proxy = await EngineProxy.start({ enginePath });
    const asking = request({ socketPath: proxy.socketPath, path: "/exec/1/start", method: "POST" });
    asking.end();
    const [, socket] = (await once(asking, "upgrade")) as [unknown, Socket];
    await sent.promise;
    // Enough turns for as much as the flood could bring, were it taken.
    for (let turn = 0; turn < 500; turn++) await new Promise(setImmediate);
    expect(proxy.statistics.bytes["from-sandbox"]).toBeLessThan(4 * 1024 * 1024);
    socket.destroy();
    flood.close();
    await rm(directory, { recursive: true });
  });
});
