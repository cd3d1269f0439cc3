import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { FRAME } from "./frames.ts";
import { settled } from "./testing/fake-time.ts";
import { Flood } from "./testing/flooding-agent.ts";
import {
  EXITED,
  MAX_DELAY_MS,
  MAX_TURN_MS,
  MEBIBYTE,
  SLOW,
  UNAVAILABLE,
  delayed,
  expectNeighbourServed,
  info,
  scriptedSandbox,
  started,
} from "./testing/hostile-bench.ts";
import { CALL, connect, encodeFrame } from "./testing/scripted-agent.ts";

describe("hostile agent: floods", () => {
  it("ends a connection with more answers to pings than pings", async () => {
    const { agent, connection } = await connect();
    const sign = connection.signOfLife();
    const { payload } = await agent.next(FRAME.ping).catch(() => ({ payload: Buffer.alloc(8) }));
    void sign;
    agent.send(FRAME.pong, 0, payload);
    await settled();
    expect(connection.failure).toBeNull();
    agent.send(FRAME.pong, 0, payload);
    await settled();
    expect(connection.failure).toMatchObject(UNAVAILABLE);
  });

  it.each<[string, Buffer]>([
    ["pings", encodeFrame(FRAME.ping, 0, Buffer.alloc(8))],
    ["windows of nothing", encodeFrame(FRAME.window, 1, Buffer.alloc(4))],
    ["windows of more than was sent", encodeFrame(FRAME.window, 1, Buffer.from([1, 0, 0, 0]))],
    ["windows of a byte", encodeFrame(FRAME.window, 1, Buffer.from([0, 0, 0, 1]))],
    ["frames for calls that are over", encodeFrame(FRAME.data, 2, Buffer.from("x"))],
  ])("ends a connection with %s, though its answers are read", async (_, frame) => {
    const { agent, connection } = await connect();
    const [call, over] = [connection.call(CALL), connection.call(CALL)];
    void call.write(Buffer.alloc(16 * MEBIBYTE));
    call.result.catch(() => undefined);
    agent.send(FRAME.result, 2, {});
    await over.result;
    const flood = Buffer.concat(Array.from({ length: 2000 }, () => frame));
    agent.sendBytes(flood);
    await settled();
    expect(connection.failure).toBeNull();
    for (let times = 0; times < 1000 && !connection.failure; times++) {
      agent.sendBytes(flood);
      agent.taken();
      await settled();
    }
    expect(connection.failure).toMatchObject(UNAVAILABLE);
    await expectNeighbourServed();
  });

  it("does not hold up the loop with any frames, nor neighbours", SLOW, async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const executing = sandbox.execute("true", { maxOutputBytes: 64 * MEBIBYTE });
    const call = await started(scripted);
    let sequence = 0;
    const frames = Array.from({ length: 100_000 }, () => {
      const payload = Buffer.from([1, 0, 0, 0, 0, 0x78]);
      payload.writeUInt32BE(++sequence, 1);
      return encodeFrame(FRAME.data, call.stream, payload);
    });
    const flood = Buffer.concat(frames);
    await settled();
    using delay = delayed();
    // All of them at once, as a socket would have them that was not read for a while.
    call.agent.sendBytes(flood);
    const neighbours: number[] = [];
    for (let times = 0; times < 20; times++) {
      const startMs = performance.now();
      await expectNeighbourServed();
      neighbours.push(performance.now() - startMs);
    }
    call.agent.send(FRAME.result, call.stream, EXITED);
    expect((await executing).stdout).toHaveLength(100_000);
    await settled();
    expect(delay.p99Ms()).toBeLessThan(MAX_DELAY_MS);
    expect(delay.busiestTurnMs()).toBeLessThan(MAX_TURN_MS);
    expect(neighbours.toSorted((a, b) => a - b)[18]).toBeLessThan(5 * MAX_DELAY_MS);
  });
});

describe("hostile agent: large and strange answers", () => {
  it("lets others work while it reads a list of 100,000 entries", SLOW, async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const body = Buffer.from(
      `[${Array.from({ length: 100_000 }, (_, index) => info(index)).join(",")}]`,
    );
    const listing = sandbox.ls("d");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("ls");
    const flood = new Flood(agent, stream);
    using delay = delayed();
    for (let start = 0; start < body.length; start += 60_000) {
      await flood.send(FRAME.data, body.subarray(start, start + 60_000));
    }
    await flood.flush();
    agent.send(FRAME.result, stream, {});
    const entries = await listing;
    expect(entries).toHaveLength(100_000);
    expect(entries.at(-1)).toMatchObject({ name: "file-99999", sizeBytes: 5, type: "file" });
    await settled();
    expect(delay.p99Ms()).toBeLessThan(MAX_DELAY_MS);
    expect(delay.busiestTurnMs()).toBeLessThan(MAX_TURN_MS);
  });

  it("reads a list that comes in single bytes", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const body = Buffer.from(` [ ${info(1)} ,\n${info(2).replace("file-2", '\\"}\\\\')}\t] `);
    const listing = sandbox.ls("d");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("ls");
    for (const byte of body) {
      agent.send(FRAME.data, stream, Buffer.from([byte]));
      await Promise.resolve();
    }
    agent.send(FRAME.result, stream, {});
    expect((await listing).map(({ name }) => name)).toEqual(["file-1", '"}\\']);
  });

  it.each([
    ["cut off", `[${"{}"}`.slice(0, 2)],
    ["a comma too many", `[${info(1)},]`],
    ["no comma", `[${info(1)}${info(2)}]`],
    ["something behind", `[${info(1)}]x`],
    ["no objects", `[1]`],
    ["an endless element", `[{"path":"${"x".repeat(MEBIBYTE)}"}]`],
    ["very many values", `[{"path":[${"[],".repeat(100_000)}[]]}]`],
  ])("refuses what is no list: %s", async (_, text) => {
    const { scripted, sandbox } = scriptedSandbox();
    const refused = expect(sandbox.ls("d")).rejects.toMatchObject(UNAVAILABLE);
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("ls");
    const flood = new Flood(agent, stream);
    const body = Buffer.from(text);
    for (let start = 0; start < body.length; start += 60_000) {
      await flood.send(FRAME.data, body.subarray(start, start + 60_000));
    }
    await flood.flush();
    agent.send(FRAME.result, stream, {});
    await refused;
  });

  it("takes nothing from names that objects of JavaScript have", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const listing = sandbox.ls("d");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("ls");
    const strange = info(1).replace("{", '{"__proto__":{"isHidden":true},"constructor":{"x":1},');
    agent.send(FRAME.data, stream, Buffer.from(`[${strange}]`));
    agent.send(FRAME.result, stream, {});
    const [entry] = await listing;
    expect(Object.getPrototypeOf(entry)).toBe(Object.prototype);
    expect(Object.keys(entry!).toSorted()).toEqual(
      ["mode", "modifiedAt", "name", "path", "sizeBytes", "type"].toSorted(),
    );
    expect("isHidden" in entry!).toBe(false);
  });

  it("gives no part of an answer for all of it where the caller gives up behind its end", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(FRAME.data, 1, Buffer.from("unread"));
    agent.send(FRAME.result, 1, {});
    await call.result;
    call.abandon(new SandboxError({ code: "aborted", message: "given up" }));
    await expect(call.next()).rejects.toMatchObject({ code: "aborted" });
  });
});
