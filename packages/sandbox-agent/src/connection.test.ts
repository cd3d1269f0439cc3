import { describe, expect, it } from "vitest";
import { abortedError } from "@carrel/backend-protocol";
import { AgentConnection } from "./connection.ts";
import { FRAME } from "./frames.ts";
import type { FrameType } from "./frames.ts";
import { FakeTime, settled } from "./testing/fake-time.ts";
import { Random } from "./testing/random.ts";
import { CALL, HELLO, ScriptedAgent, connect, encodeFrame } from "./testing/scripted-agent.ts";

const UNAVAILABLE = { code: "unavailable" };
const aborted = abortedError(AbortSignal.abort());

describe("a greeting", () => {
  it.each([
    ["another version", { ...HELLO, protocol: 2 }],
    ["no version", { instance: HELLO.instance, window: HELLO.window }],
    ["an instance that is none", { ...HELLO, instance: "x".repeat(1_000_000) }],
    ["a window too small for a chunk", { ...HELLO, window: 65_540 }],
    ["a window that is too large", { ...HELLO, window: 2 ** 24 + 1 }],
    ["no object", [HELLO]],
  ])("fails on %s", async (_, hello) => {
    const agent = new ScriptedAgent({ hello });
    await expect(AgentConnection.open(agent.client)).rejects.toMatchObject(UNAVAILABLE);
    expect(agent.client.destroyed).toBe(true);
  });

  it.each([
    ["another frame", encodeFrame(FRAME.ping, 0, Buffer.alloc(8))],
    ["a hello on a call's stream", encodeFrame(FRAME.hello, 1, Buffer.from("{}"))],
    ["a hello that is no JSON", encodeFrame(FRAME.hello, 0, Buffer.from("{protocol"))],
    ["no frame", Buffer.from("OCI runtime exec failed")],
    // What the agent says is never taken for the answer to a later call.
    ["a refusal", encodeFrame(FRAME.goodbye, 0, Buffer.from('{"code":"not-found","message":"m"}'))],
    ["a refusal that is none", encodeFrame(FRAME.goodbye, 0, Buffer.from("[]"))],
  ])("fails on %s", async (_, bytes) => {
    const agent = new ScriptedAgent({ hello: null });
    agent.sendBytes(bytes);
    await expect(AgentConnection.open(agent.client)).rejects.toMatchObject(UNAVAILABLE);
    expect(agent.client.destroyed).toBe(true);
  });

  it("fails where none comes in time", async () => {
    using time = new FakeTime();
    const agent = new ScriptedAgent({ hello: null });
    const refused = expect(AgentConnection.open(agent.client)).rejects.toMatchObject(UNAVAILABLE);
    await time.pass(14_000);
    expect(agent.client.destroyed).toBe(false);
    await time.pass(1000);
    await refused;
    expect(agent.client.destroyed).toBe(true);
  });

  it("is given up when its signal fires, and before it began", async () => {
    const agent = new ScriptedAgent({ hello: null });
    const abort = new AbortController();
    const opening = AgentConnection.open(agent.client, abort.signal);
    abort.abort();
    await expect(opening).rejects.toMatchObject({ code: "aborted" });
    const unused = new ScriptedAgent();
    const refused = AgentConnection.open(unused.client, abort.signal);
    await expect(refused).rejects.toMatchObject({ code: "aborted" });
    expect(unused.client.destroyed).toBe(true);
  });

  it("fails at once on a stream that is over", async () => {
    const agent = new ScriptedAgent();
    agent.breakOff();
    await settled();
    await expect(AgentConnection.open(agent.client)).rejects.toMatchObject(UNAVAILABLE);
    const ending = new ScriptedAgent({ hello: null });
    ending.end();
    await expect(AgentConnection.open(ending.client)).rejects.toMatchObject(UNAVAILABLE);
  });

  it("notices that the stream broke right behind the hello", async () => {
    const agent = new ScriptedAgent({ hello: null });
    const opening = AgentConnection.open(agent.client);
    // Before anything else goes on: the stream tells its end when nobody listens any more.
    setImmediate(() => {
      agent.send(FRAME.hello, 0, HELLO);
      agent.breakOff();
    });
    const connection = await opening;
    await settled();
    expect(connection.failure).toMatchObject(UNAVAILABLE);
    expect(() => connection.call(CALL)).toThrow(expect.objectContaining(UNAVAILABLE));
  });

  it("takes a hello cut anywhere, and what comes right behind it", async () => {
    const random = new Random(7);
    for (let round = 0; round < 50; round++) {
      const agent = new ScriptedAgent({ hello: null });
      const hello = encodeFrame(FRAME.hello, 0, Buffer.from(JSON.stringify(HELLO)));
      const ping = encodeFrame(FRAME.ping, 0, Buffer.from("12345678"));
      for (const piece of random.cut(Buffer.concat([hello, ping]), 100)) agent.sendBytes(piece);
      const connection = await AgentConnection.open(agent.client);
      expect(connection.hello.instance).toBe(HELLO.instance);
      expect((await agent.next(FRAME.pong)).payload.toString()).toBe("12345678");
      connection.close(aborted);
    }
  });
});

describe("a connection", () => {
  it("ends its calls when the agent says goodbye, and tells its reason", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(FRAME.goodbye, 0, { code: "too-large", message: "enough" });
    await expect(call.result).rejects.toMatchObject({
      ...UNAVAILABLE,
      cause: { code: "too-large", message: "In the sandbox: enough" },
    });
    expect(call.broken).toBe(true);
    expect(agent.client.destroyed).toBe(true);
  });

  it("ends its calls when the stream ends or breaks", async () => {
    for (const how of ["end", "breakOff"] as const) {
      const { agent, connection } = await connect();
      const calls = [connection.call(CALL), connection.call(CALL)];
      agent[how]();
      for (const call of calls) await expect(call.result).rejects.toMatchObject(UNAVAILABLE);
    }
  });

  it("says goodbye where the client ends it", async () => {
    const { agent, connection } = await connect();
    connection.close(aborted);
    connection.close(aborted);
    expect(agent.client.destroyed).toBe(true);
    expect(connection.failure).toBe(aborted);
    await settled();
    expect(agent.taken().filter(({ type }) => type === FRAME.goodbye).length).toBeLessThan(2);
  });

  const JSON_TEXT = Buffer.from("{}");
  it.each<[string, FrameType, number, Buffer]>([
    ["a result that is no JSON", FRAME.result, 1, Buffer.from("{a}")],
    ["an error that is no JSON", FRAME.error, 1, Buffer.from("\xff\xfe", "latin1")],
    ["a result of a call that never was", FRAME.result, 2, JSON_TEXT],
    ["data of a call that never was", FRAME.data, 2 ** 32 - 1, JSON_TEXT],
    ["a second hello", FRAME.hello, 0, JSON_TEXT],
    ["a hello in a call", FRAME.hello, 1, JSON_TEXT],
    ["a result outside of a call", FRAME.result, 0, JSON_TEXT],
    ["a window outside of a call", FRAME.window, 0, Buffer.alloc(4)],
    ["a call of the agent's own", FRAME.open, 1, JSON_TEXT],
    ["an end of the agent's own", FRAME.end, 1, Buffer.alloc(0)],
    ["a cancel of the agent's own", FRAME.cancel, 1, Buffer.alloc(0)],
  ])("is given up for %s", async (_, type, stream, payload) => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(type, stream, payload);
    await expect(call.result).rejects.toMatchObject(UNAVAILABLE);
    expect(connection.failure).toMatchObject(UNAVAILABLE);
    expect(agent.client.destroyed).toBe(true);
  });

  it("takes an error that makes no sense for an agent that was replaced", async () => {
    const { agent, connection } = await connect();
    for (const error of [[], { code: 1, message: "m" }, { message: "m" }]) {
      const call = connection.call(CALL);
      agent.send(FRAME.error, (await agent.nextCall("test")).stream, error);
      await expect(call.result).rejects.toMatchObject(UNAVAILABLE);
    }
    const call = connection.call(CALL);
    // That the sandbox is gone is not for something in it to say.
    agent.send(FRAME.error, 4, { code: "gone", message: "m".repeat(900_000) });
    await expect(call.result).rejects.toMatchObject(UNAVAILABLE);
    const { message } = (await call.result.catch((error: unknown) => error)) as Error;
    expect(message.length).toBeLessThan(3000);
    expect(connection.failure).toBeNull();
  });

  it("survives JSON that is nested as deep as a frame is long", async () => {
    const { agent, connection } = await connect();
    const deep = "[".repeat(500_000) + "]".repeat(500_000);
    const [first, second] = [connection.call(CALL), connection.call(CALL)];
    agent.send(FRAME.result, 1, Buffer.from(deep));
    agent.send(FRAME.error, 2, Buffer.from(`{"code":"timeout","message":${deep}}`));
    // It is no answer to anything: whoever asked refuses it.
    await expect(first.result).resolves.toBeNull();
    await expect(second.result).rejects.toMatchObject(UNAVAILABLE);
    expect(connection.failure).toBeNull();
  });

  it("passes over frames for calls that are over, but no flood of them", async () => {
    const { agent, connection } = await connect();
    const [first, second] = [connection.call(CALL), connection.call(CALL)];
    for (const answer of [1, 2]) agent.send(FRAME.result, 1, { answer });
    const late = encodeFrame(FRAME.data, 1, Buffer.from("late"));
    agent.sendBytes(Buffer.concat(Array.from({ length: 9000 }, () => late)));
    agent.send(FRAME.result, 2, {});
    await expect(first.result).resolves.toEqual({ answer: 1 });
    await expect(second.result).resolves.toEqual({});
    expect(connection.failure).toBeNull();
    agent.sendBytes(Buffer.concat(Array.from({ length: 10_001 }, () => late)));
    await settled();
    expect(connection.failure).toMatchObject(UNAVAILABLE);
  });

  it("answers pings, but not those of an agent that reads no answers", async () => {
    const { agent, connection } = await connect();
    const ping = encodeFrame(FRAME.ping, 0, Buffer.from("abcdefgh"));
    const flood = Buffer.concat(Array.from({ length: 4000 }, () => ping));
    agent.sendBytes(flood);
    await expect
      .poll(async () => {
        await settled();
        return agent.taken().filter(({ type }) => type === FRAME.pong).length;
      })
      .toBeGreaterThan(0);
    expect(connection.failure).toBeNull();
    agent.stopReading();
    for (let times = 0; times < 10 && !connection.failure; times++) {
      agent.sendBytes(flood);
      await settled();
    }
    expect(connection.failure).toMatchObject(UNAVAILABLE);
  });

  it("refuses calls while the agent reads none of them, though it ends them", async () => {
    const { agent, connection } = await connect();
    agent.stopReading();
    const large = { ...CALL, parameters: { text: "x".repeat(1_000_000) } };
    const refusals: unknown[] = [];
    for (let stream = 1; stream <= 80; stream++) {
      try {
        const call = connection.call(large);
        agent.send(FRAME.result, stream, {});
        await call.result;
      } catch (error) {
        refusals.push(error);
      }
    }
    expect(refusals.length).toBeGreaterThan(10);
    expect(refusals[0]).toMatchObject({ code: "capacity" });
    expect(agent.client.writableLength).toBeLessThan(70 * 1024 * 1024);
  });

  it("refuses parameters that are too large for a frame", async () => {
    const { connection } = await connect();
    const call = { ...CALL, parameters: { text: "\0".repeat(200_000) } };
    expect(() => connection.call(call)).toThrow(expect.objectContaining({ code: "too-large" }));
    expect(() => connection.call(CALL)).not.toThrow();
  });

  it("is ended by any frames whatever, and by nothing but them", async () => {
    const types = Object.values(FRAME);
    const random = new Random(8);
    for (let round = 0; round < 300; round++) {
      const { agent, connection } = await connect();
      const calls = [connection.call(CALL), connection.call({ ...CALL, joins: false })];
      const reading = calls.map(async (call) => {
        while (await call.next());
      });
      const ended = Promise.allSettled([...reading, ...calls.map(({ result }) => result)]);
      for (let frames = 0; frames < 20; frames++) {
        const type = random.pick(types);
        const json = Buffer.from(random.pick(["{}", '{"code":"timeout"}', "null", "{", "[[0]]"]));
        const sizes: Partial<Record<number, number>> = { [FRAME.window]: 4, [FRAME.end]: 0 };
        const size = sizes[type] ?? (type === FRAME.cancel ? 0 : 8);
        const payload = type >= FRAME.open && random.below(2) ? json : random.bytes(size);
        agent.send(type, random.below(4), payload);
      }
      await settled();
      agent.breakOff();
      for (const outcome of await ended) {
        if (outcome.status === "rejected") expect(outcome.reason.code).toBeTypeOf("string");
      }
    }
  });
});

describe("an agent that is silent", () => {
  it("is given up where it answers no ping", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    await time.pass(15_000);
    expect(connection.failure).toBeNull();
    await time.pass(2000);
    expect(connection.failure).toMatchObject(UNAVAILABLE);
    expect(agent.client.destroyed).toBe(true);
  });

  it("is kept as long as it answers, or says anything else", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    for (let seconds = 0; seconds < 100; seconds += 5) {
      await time.pass(5000);
      const pings = agent.taken().filter(({ type }) => type === FRAME.ping);
      if (seconds < 50) for (const { payload } of pings) agent.send(FRAME.pong, 0, payload);
      else agent.send(FRAME.ping, 0, Buffer.alloc(8));
      await settled();
    }
    expect(connection.failure).toBeNull();
  });

  it("is not asked while its sandbox is frozen, but at once when it wakes", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    connection.suspend();
    await time.pass(3_600_000);
    expect(connection.failure).toBeNull();
    expect(agent.taken().filter(({ type }) => type === FRAME.ping)).toEqual([]);
    connection.wake();
    await time.pass(1000);
    expect(agent.taken().filter(({ type }) => type === FRAME.ping)).toHaveLength(1);
    await time.pass(16_000);
    expect(connection.failure).toMatchObject(UNAVAILABLE);
  });
});

describe("silence", () => {
  it("is told every other second while a call is open and nothing comes", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    let told = 0;
    connection.onSilence = () => told++;
    await time.pass(10_000);
    agent.send(FRAME.pong, 0, Buffer.alloc(8));
    await settled();
    expect(told).toBe(0);
    connection.call(CALL);
    await time.pass(4000);
    expect(told).toBe(1);
    await time.pass(4000);
    expect(told).toBe(3);
    agent.send(FRAME.pong, 0, Buffer.alloc(8));
    await time.pass(2000);
    expect(told).toBe(3);
  });

  it("is none where the agent answers, however long its call lasts", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    connection.onSilence = () => expect.unreachable();
    connection.call(CALL);
    for (let seconds = 0; seconds < 60; seconds++) {
      await time.pass(1000);
      for (const { type } of agent.taken()) {
        if (type === FRAME.ping) agent.send(FRAME.pong, 0, Buffer.alloc(8));
      }
    }
    expect(connection.failure).toBeNull();
  });

  it("is none while the sandbox is frozen", async () => {
    using time = new FakeTime();
    const { connection } = await connect();
    connection.onSilence = () => expect.unreachable();
    connection.call(CALL);
    connection.suspend();
    await time.pass(60_000);
    expect(connection.failure).toBeNull();
  });
});

describe("an agent that ends no calls", () => {
  it("is asked no more than it can have open", async () => {
    const { agent, connection } = await connect();
    const calls = Array.from({ length: 256 }, () => connection.call(CALL));
    for (const call of calls) call.abandon(aborted);
    expect(() => connection.call(CALL)).toThrow(expect.objectContaining({ code: "capacity" }));
    agent.send(FRAME.error, 7, { code: "aborted", message: "m" });
    await settled();
    expect(() => connection.call(CALL)).not.toThrow();
  });

  it("is given up where it was asked to stop too many of them", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    const waiting = connection.call(CALL);
    for (let calls = 0; calls < 51; calls++) connection.call(CALL).abandon(aborted);
    const pass = async (elapsedMs: number): Promise<void> => {
      for (let passedMs = 0; passedMs < elapsedMs; passedMs += 5000) {
        await time.pass(5000);
        agent.send(FRAME.pong, 0, Buffer.alloc(8));
        await settled();
      }
    };
    await pass(30_000);
    expect(connection.failure).toBeNull();
    await pass(5000);
    expect(connection.failure).toMatchObject(UNAVAILABLE);
    await expect(waiting.result).rejects.toMatchObject(UNAVAILABLE);
  });
});
