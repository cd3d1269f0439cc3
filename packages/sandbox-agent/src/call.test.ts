import { describe, expect, it } from "vitest";
import { abortedError } from "@carrel/backend-protocol";
import type { Call, CallLimits } from "./call.ts";
import { FRAME, MAX_DATA_BYTES } from "./frames.ts";
import { FakeTime, settled } from "./testing/fake-time.ts";
import { heldBufferBytes } from "./testing/held-memory.ts";
import { Random } from "./testing/random.ts";
import { CALL, HELLO, connect } from "./testing/scripted-agent.ts";
import type { ScriptedAgent } from "./testing/scripted-agent.ts";

const KIBIBYTE = 1024;
const MEBIBYTE = KIBIBYTE * KIBIBYTE;
const aborted = abortedError(AbortSignal.abort());

async function readBody(call: Call): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let item = await call.next(); item; item = await call.next()) parts.push(item.payload);
  return Buffer.concat(parts);
}

/** The bytes of the body that have come to the agent, which must be all that the client sent. */
function bodyOf(agent: ScriptedAgent): Buffer {
  const frames = agent.taken().filter(({ type }) => type === FRAME.data);
  return Buffer.concat(frames.map(({ payload }) => payload));
}

describe("a body from the agent", () => {
  it("comes whole over several windows, as the agent is granted room", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    await agent.nextCall("test");
    const body = Buffer.alloc(5 * MEBIBYTE, new Random(9).bytes(1009));
    const reading = readBody(call);
    let window = MEBIBYTE;
    for (let start = 0; start < body.length; start += MAX_DATA_BYTES) {
      const piece = body.subarray(start, start + MAX_DATA_BYTES);
      if (window < piece.length) window += (await agent.next(FRAME.window)).payload.readUInt32BE(0);
      window -= piece.length;
      agent.send(FRAME.data, 1, piece);
    }
    agent.send(FRAME.result, 1, { fine: true });
    expect((await reading).equals(body)).toBe(true);
    await expect(call.result).resolves.toEqual({ fine: true });
  });

  it("is held up where nobody reads it, and goes on with its reader", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    for (let sent = 0; sent < MEBIBYTE; sent += MAX_DATA_BYTES) {
      agent.send(FRAME.data, 1, Buffer.alloc(MAX_DATA_BYTES));
    }
    await settled();
    const windows = (): number => agent.taken().filter(({ type }) => type === FRAME.window).length;
    expect(windows()).toBe(0);
    for (let read = 0; read < MEBIBYTE / 2;) read += (await call.next())!.payload.length;
    await settled();
    expect(windows()).toBe(1);
    expect(connection.failure).toBeNull();
  });

  it("ends the connection where it is more than was granted", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(FRAME.event, 1, { large: "x".repeat(MEBIBYTE - 100) });
    await settled();
    expect(connection.failure).toBeNull();
    agent.send(FRAME.data, 1, Buffer.alloc(MAX_DATA_BYTES));
    await expect(call.result).rejects.toMatchObject({ code: "unavailable" });
    expect(connection.failure).not.toBeNull();
  });

  it("is counted also where the client does not want it any more", async () => {
    const { agent, connection } = await connect();
    connection.call(CALL).abandon(aborted);
    for (let sent = 0; sent < MEBIBYTE; sent += MAX_DATA_BYTES) {
      agent.send(FRAME.data, 1, Buffer.alloc(MAX_DATA_BYTES));
    }
    await settled();
    expect(connection.failure).toBeNull();
    agent.send(FRAME.data, 1, Buffer.alloc(1));
    await settled();
    expect(connection.failure).toMatchObject({ code: "unavailable" });
  });

  it("keeps its order with events, up to the result", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(FRAME.event, 1, [1]);
    agent.send(FRAME.data, 1, Buffer.from("two"));
    agent.send(FRAME.event, 1, [3]);
    agent.send(FRAME.result, 1, {});
    await call.result;
    const texts: string[] = [];
    for (let item = await call.next(); item; item = await call.next()) {
      texts.push(`${item.type} ${item.payload.toString()}`);
    }
    expect(texts).toEqual(["event [1]", "data two", "event [3]"]);
  });

  it("is followed by the error of a call that failed after it", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(FRAME.data, 1, Buffer.from("part"));
    agent.send(FRAME.error, 1, { code: "no-space", message: "m" });
    await expect(call.result).rejects.toMatchObject({ code: "no-space" });
    expect((await call.next())?.payload.toString()).toBe("part");
    await expect(call.next()).rejects.toMatchObject({ code: "no-space" });
  });
});

describe("a body from the client", () => {
  it("waits for window, and arrives whole and in order", async () => {
    const { agent, connection } = await connect({ hello: { ...HELLO, window: 65_541 } });
    const call = connection.call(CALL);
    const random = new Random(10);
    const body = Buffer.alloc(MEBIBYTE, random.bytes(1009));
    const written = random.cut(body, 200_000).map((piece) => call.write(piece));
    const ended = call.end();
    const received: Buffer[] = [];
    for (let bytes = 0; bytes < body.length;) {
      await settled();
      const arrived = bodyOf(agent);
      expect(arrived.length).toBeLessThanOrEqual(65_541);
      bytes += arrived.length;
      received.push(arrived);
      if (bytes < body.length) agent.grant(1, arrived.length);
    }
    await Promise.all([...written, ended]);
    expect(Buffer.concat(received).equals(body)).toBe(true);
  });

  it("ends once, and nothing follows its end", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    await Promise.all([call.write(Buffer.from("a")), call.end(), call.write(Buffer.from("b"))]);
    await Promise.all([call.end(), call.write(Buffer.from("c"))]);
    await agent.nextCall("test");
    expect((await agent.next(FRAME.data)).payload.toString()).toBe("a");
    await agent.next(FRAME.end);
    await settled();
    expect(agent.taken()).toEqual([]);
  });

  it.each([100, 10_000, 100_000])(
    "waits for the stream, however much window there is, in writes of %i bytes",
    async (size) => {
      const { agent, connection } = await connect();
      const call = connection.call(CALL);
      for (let grants = 0; grants < 100; grants++) agent.grant(1, 2 ** 32 - 1);
      await settled();
      agent.stopReading();
      let writtenBytes = 0;
      let left = false;
      const writing = (async () => {
        while (!left && writtenBytes < 4 * MEBIBYTE) {
          await call.write(Buffer.alloc(size));
          writtenBytes += size;
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      for (let turns = 0; turns < 50; turns++) await settled();
      expect(writtenBytes).toBeLessThan(MEBIBYTE);
      left = true;
      agent.readOn();
      await writing;
    },
  );

  it("is dropped once the call is over", async () => {
    const { agent, connection } = await connect({ hello: { ...HELLO, window: 65_541 } });
    const call = connection.call(CALL);
    const writing = call.write(Buffer.alloc(MEBIBYTE));
    await settled();
    agent.send(FRAME.error, 1, { code: "no-space", message: "m" });
    await writing;
    await call.write(Buffer.alloc(10));
    await call.end();
    await agent.nextCall("test");
    expect(bodyOf(agent)).toHaveLength(65_541);
  });
});

describe("a call", () => {
  it("that is cancelled ends by what the agent answers", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    call.cancel();
    call.cancel();
    await agent.nextCall("test");
    await agent.next(FRAME.cancel);
    agent.send(FRAME.result, 1, { faster: true });
    await expect(call.result).resolves.toEqual({ faster: true });
    call.cancel();
    await settled();
    expect(agent.taken()).toEqual([]);
  });

  it("that is cancelled waits no more than a while for the agent", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    const failed = expect(call.result).rejects.toMatchObject({ code: "timeout" });
    call.cancel();
    await time.pass(15_000);
    expect(call.over).toBe(false);
    agent.send(FRAME.pong, 0, Buffer.alloc(8));
    await time.pass(1000);
    await failed;
    expect(connection.failure).toBeNull();
  });

  it("that is abandoned ends at once, whatever comes later", async () => {
    const { agent, connection } = await connect();
    const call = connection.call(CALL);
    agent.send(FRAME.data, 1, Buffer.from("unread"));
    await settled();
    call.abandon(aborted);
    await expect(call.result).rejects.toBe(aborted);
    await expect(call.next()).rejects.toBe(aborted);
    await agent.nextCall("test");
    await agent.next(FRAME.cancel);
    agent.send(FRAME.event, 1, {});
    agent.send(FRAME.result, 1, {});
    await settled();
    await expect(call.next()).rejects.toBe(aborted);
    expect(connection.failure).toBeNull();
  });

  it("that is abandoned holds nothing that was not read, though the agent never ends it", async () => {
    const { agent, connection } = await connect();
    const calls = Array.from({ length: 20 }, () => connection.call(CALL));
    for (const stream of calls.keys()) {
      for (let frames = 0; frames < 15; frames++) {
        agent.send(FRAME.data, stream + 1, Buffer.alloc(MAX_DATA_BYTES));
        await settled();
      }
    }
    const freed = -heldBufferBytes(() => {
      for (const call of calls) call.abandon(aborted);
      return connection;
    });
    expect(freed).toBeGreaterThan(15 * MEBIBYTE);
  });
});

describe("a call's time", () => {
  const LIMITS = { startMs: 20_000, silenceMs: 5000 };

  it("is up where the agent gives no first sign", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    const call = connection.call({ ...CALL, limits: LIMITS });
    const failed = expect(call.result).rejects.toMatchObject({ code: "timeout" });
    for (let seconds = 0; seconds < 20; seconds += 5) {
      expect(call.over).toBe(false);
      await time.pass(5000);
      agent.send(FRAME.pong, 0, Buffer.alloc(8));
    }
    await time.pass(1000);
    await failed;
    await agent.nextCall("test");
    await agent.next(FRAME.cancel);
  });

  it.each<[string, (agent: ScriptedAgent) => void]>([
    ["data", (agent) => agent.send(FRAME.data, 1, Buffer.from("x"))],
    ["an event", (agent) => agent.send(FRAME.event, 1, {})],
    ["a window for what waits to be sent", (agent) => agent.grant(1, 1)],
  ])("begins anew with %s", async (_, say) => {
    using time = new FakeTime();
    const { agent, connection } = await connect({ hello: { ...HELLO, window: 65_541 } });
    const call = connection.call({ ...CALL, limits: { startMs: null, silenceMs: 5000 } });
    void call.write(Buffer.alloc(100_000));
    const reading = readBody(call).catch((error: unknown) => error);
    for (let seconds = 0; seconds < 40; seconds += 4) {
      say(agent);
      await time.pass(4000);
      agent.send(FRAME.pong, 0, Buffer.alloc(8));
      expect(call.over).toBe(false);
    }
    await time.pass(3000);
    expect(await reading).toMatchObject({ code: "timeout" });
  });

  it.each<[string, number, number, CallLimits]>([
    ["windows of nothing", 0, 100_000, { startMs: null, silenceMs: 5000 }],
    ["windows where all was sent", 1, 60_000, { startMs: null, silenceMs: 5000 }],
    ["windows before its beginning", 1, 100_000, { startMs: 5000, silenceMs: null }],
  ])("does not begin anew with %s", async (_, grant, size, limits) => {
    using time = new FakeTime();
    const { agent, connection } = await connect({ hello: { ...HELLO, window: 65_541 } });
    const call = connection.call({ ...CALL, limits });
    const failed = expect(call.result).rejects.toMatchObject({ code: "timeout" });
    void call.write(Buffer.alloc(size));
    for (let seconds = 0; seconds < 6; seconds++) {
      await settled();
      agent.grant(1, grant);
      await time.pass(1000);
    }
    await failed;
  });

  it("does not run while it is the reader who lets the agent wait, or something outside", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    const unread = connection.call({ ...CALL, limits: LIMITS });
    const outside = connection.call({ ...CALL, limits: LIMITS });
    const wait = Promise.withResolvers<void>();
    const waited = outside.waitOutside(wait.promise);
    agent.send(FRAME.data, 1, Buffer.from("unread"));
    await settled();
    for (let seconds = 0; seconds < 60; seconds += 5) {
      await time.pass(5000);
      agent.send(FRAME.pong, 0, Buffer.alloc(8));
    }
    expect([unread.over, outside.over]).toEqual([false, false]);
    wait.resolve();
    await waited;
    expect((await unread.next())?.payload.toString()).toBe("unread");
    const failed = [unread, outside].map(({ result }) =>
      expect(result).rejects.toMatchObject({ code: "timeout" }),
    );
    for (let seconds = 0; seconds < 25; seconds += 5) {
      await time.pass(5000);
      agent.send(FRAME.pong, 0, Buffer.alloc(8));
    }
    await Promise.all(failed);
  });

  it("does not run while the sandbox is frozen", async () => {
    using time = new FakeTime();
    const { agent, connection } = await connect();
    const silent = connection.call({ ...CALL, limits: LIMITS });
    const limited = connection.call({ ...CALL, limits: { ...CALL.limits, totalMs: 10_000 } });
    await time.pass(5000);
    connection.suspend();
    await time.pass(86_400_000);
    connection.wake();
    await time.pass(4000);
    expect([silent.over, limited.over]).toEqual([false, false]);
    const failed = expect(limited.result).rejects.toMatchObject({ code: "timeout" });
    agent.send(FRAME.pong, 0, Buffer.alloc(8));
    await time.pass(2000);
    await failed;
    expect(silent.over).toBe(false);
  });
});
