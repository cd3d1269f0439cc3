import { monitorEventLoopDelay } from "node:perf_hooks";
import { MemoryBudget, SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { AgentSandbox } from "./agent-sandbox.ts";
import { FRAME } from "./frames.ts";
import { settled } from "./testing/fake-time.ts";
import { Flood } from "./testing/flooding-agent.ts";
import { usedBytes } from "./testing/held-memory.ts";
import { CALL, ScriptedSandbox, connect, encodeFrame } from "./testing/scripted-agent.ts";
import type { ScriptedAgent } from "./testing/scripted-agent.ts";

const MEBIBYTE = 1024 * 1024;
/** Far beyond what is aimed at, 100 ms: the machine may have much else to do. */
const MAX_DELAY_MS = 250;
const SLOW = { timeout: 120_000 };

const STARTED = { id: "p", startedAt: "2026-01-31T12:00:00.000Z", open: false };
const EXITED = { outcome: "exited", exitCode: 0, signal: null, truncated: false, durationMs: 1 };
const UNAVAILABLE = { code: "unavailable" };
const CAPACITY = { code: "capacity" };

function scriptedSandbox(memory?: MemoryBudget): {
  scripted: ScriptedSandbox;
  sandbox: AgentSandbox;
} {
  const scripted = new ScriptedSandbox();
  const { open } = scripted;
  return {
    scripted,
    sandbox: new AgentSandbox({ id: "scripted", workDir: "/workspace", open, memory }),
  };
}

interface Started {
  agent: ScriptedAgent;
  stream: number;
  flood: Flood;
}

async function started(scripted: ScriptedSandbox): Promise<Started> {
  const agent = await scripted.nextAgent();
  const { stream } = await agent.nextCall("spawn");
  agent.send(FRAME.event, stream, STARTED);
  return { agent, stream, flood: new Flood(agent, stream) };
}

/** @returns the most bytes that were in use, beyond those before */
async function floodWithSingleBytes(
  { flood }: Pick<Started, "flood">,
  { bytes, byTurns = false }: { bytes: number; byTurns?: boolean },
): Promise<number> {
  const before = usedBytes();
  let most = 0;
  for (let sequence = 1; sequence <= bytes; sequence++) {
    const stream = byTurns && sequence % 2 === 0 ? "stderr" : "stdout";
    if (!(await flood.chunk(sequence, "x", stream))) break;
    if (sequence % (bytes / 4) === 0) most = Math.max(most, usedBytes() - before);
  }
  await flood.flush();
  return Math.max(most, usedBytes() - before);
}

/** A sandbox that has nothing to do with the others answers. */
async function expectNeighbourServed(memory?: MemoryBudget): Promise<void> {
  const { scripted, sandbox } = scriptedSandbox(memory);
  const stat = sandbox.stat("f");
  const agent = await scripted.nextAgent();
  agent.send(FRAME.result, (await agent.nextCall("stat")).stream, { info: null });
  await expect(stat).resolves.toBeNull();
}

describe("hostile agent: output in single bytes", () => {
  it.each([
    ["one stream", false],
    ["both streams by turns", true],
  ])("is collected at the cost of its text: %s", SLOW, async (_, byTurns) => {
    const { scripted, sandbox } = scriptedSandbox();
    const executing = sandbox.execute("true");
    const call = await started(scripted);
    const heldBytes = await floodWithSingleBytes(call, { bytes: 1_000_000, byTurns });
    call.agent.send(FRAME.result, call.stream, EXITED);
    const { output, stdout, stderr } = await executing;
    expect(output).toBe("x".repeat(1_000_000));
    expect(stdout.length + stderr.length).toBe(1_000_000);
    expect(stderr.length).toBe(byTurns ? 500_000 : 0);
    expect(heldBytes).toBeLessThan(32 * MEBIBYTE);
  });

  it("waits for its reader at ten times its bytes, and arrives chunk by chunk", SLOW, async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const spawning = sandbox.spawn("true");
    const call = await started(scripted);
    const process = await spawning;
    const heldBytes = await floodWithSingleBytes(call, { bytes: 1_000_000, byTurns: true });
    call.agent.send(FRAME.result, call.stream, EXITED);
    expect(await process.result).toMatchObject({ outcome: "exited", truncated: false });
    expect(heldBytes).toBeLessThan(32 * MEBIBYTE);
    using delay = delayed();
    let sequence = 0;
    for await (const chunk of process.output) {
      if (chunk.sequence !== ++sequence || chunk.data.length !== 1) expect.unreachable();
      if (chunk.stream !== (sequence % 2 === 0 ? "stderr" : "stdout")) expect.unreachable();
    }
    expect(sequence).toBe(1_000_000);
    expect(delay.p99Ms()).toBeLessThan(MAX_DELAY_MS);
  });

  it("of forty sandboxes at a time stays bounded, and all get theirs", SLOW, async () => {
    const before = usedBytes();
    const sandboxes = Array.from({ length: 40 }, () => scriptedSandbox());
    const executing = sandboxes.map(({ sandbox }) => sandbox.execute("true"));
    const calls = await Promise.all(sandboxes.map(({ scripted }) => started(scripted)));
    await Promise.all(
      calls.map(async ({ flood }) => {
        for (let sequence = 1; sequence <= 20_000; sequence++) await flood.chunk(sequence, "x");
        await flood.flush();
      }),
    );
    expect(usedBytes() - before).toBeLessThan(64 * MEBIBYTE);
    for (const { agent, stream } of calls) agent.send(FRAME.result, stream, EXITED);
    for (const { outcome, stdout } of await Promise.all(executing)) {
      expect([outcome, stdout.length]).toEqual(["exited", 20_000]);
    }
  });
});

describe("hostile agent: more than its budget", () => {
  const LARGE = "x".repeat(60_000);

  function budget(limitBytes: number): MemoryBudget {
    return new MemoryBudget({ name: "The process", limitBytes });
  }

  it("ends the execute that holds most, and kills its process; neighbours notice nothing", async () => {
    const memory = budget(8 * MEBIBYTE);
    const small = scriptedSandbox(memory);
    const large = scriptedSandbox(memory);
    const options = { maxOutputBytes: 64 * MEBIBYTE };
    const executingSmall = small.sandbox.execute("true", options);
    const executingLarge = large.sandbox.execute("true", options);
    const refused = expect(executingLarge).rejects.toMatchObject(CAPACITY);
    const smallCall = await started(small.scripted);
    const largeCall = await started(large.scripted);
    for (let sequence = 1; sequence <= 20; sequence++) {
      await smallCall.flood.chunk(sequence, LARGE);
    }
    let chunks = 0;
    while (chunks < 1000 && (await largeCall.flood.chunk(++chunks, LARGE)));
    await refused;
    expect(chunks).toBeLessThan(300);
    expect(largeCall.flood.calls).toEqual([{ method: "kill", id: "p" }]);
    smallCall.agent.send(FRAME.result, smallCall.stream, EXITED);
    expect((await executingSmall).stdout).toBe(LARGE.repeat(20));
    await expectNeighbourServed(memory);
    expect(memory.usedBytes).toBeLessThan(MEBIBYTE);
  });

  it("drops output that nobody reads, and says so; the process goes on", async () => {
    const memory = budget(4 * MEBIBYTE);
    const { scripted, sandbox } = scriptedSandbox(memory);
    const spawning = sandbox.spawn("true", { maxOutputBytes: 64 * MEBIBYTE });
    const { agent, stream, flood } = await started(scripted);
    const process = await spawning;
    for (let sequence = 1; sequence <= 200; sequence++) {
      expect(await flood.chunk(sequence, LARGE)).toBe(true);
    }
    expect(await flood.flush()).toBe(true);
    agent.send(FRAME.result, stream, EXITED);
    expect(await process.result).toMatchObject({ outcome: "exited", truncated: true });
    const reading = (async () => {
      for await (const _chunk of process.output);
    })();
    await expect(reading).rejects.toMatchObject(CAPACITY);
    expect(memory.usedBytes).toBe(0);
  });

  it("ends a list whose values take too much, and tells the agent", async () => {
    const memory = budget(4 * MEBIBYTE);
    const { scripted, sandbox } = scriptedSandbox(memory);
    const listing = sandbox.ls("d");
    const refused = expect(listing).rejects.toMatchObject(CAPACITY);
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("ls");
    const flood = new Flood(agent, stream);
    await flood.send(FRAME.data, Buffer.from(`[${info(0)}`));
    let sent = 0;
    while (sent < 50_000 && (await flood.send(FRAME.data, Buffer.from(`,${info(++sent)}`))));
    await refused;
    expect(sent).toBeLessThan(50_000);
    await expectNeighbourServed(memory);
    expect(memory.usedBytes).toBe(0);
  });

  it("ends a watch whose events nobody takes", async () => {
    const memory = budget(2 * MEBIBYTE);
    const { scripted, sandbox } = scriptedSandbox(memory);
    const events = sandbox.watch("d");
    const first = events.next();
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("watch");
    const event = encodeFrame(FRAME.event, stream, Buffer.from('{"type":"created","path":"/f"}'));
    agent.sendBytes(event);
    await first;
    agent.sendBytes(Buffer.concat(Array.from({ length: 20_000 }, () => event)));
    await settled();
    await expect
      .poll(() =>
        events.next().then(
          () => null,
          (error: unknown) => error,
        ),
      )
      .toMatchObject(CAPACITY);
    expect(memory.usedBytes).toBe(0);
  });

  it("ends the connection to an agent that reads nothing of what it is sent", async () => {
    const memory = budget(4 * MEBIBYTE);
    const { scripted, sandbox } = scriptedSandbox(memory);
    const first = sandbox.stat("f");
    const agent = await scripted.nextAgent();
    agent.send(FRAME.result, (await agent.nextCall("stat")).stream, { info: null });
    await first;
    agent.stopReading();
    const command = `: ${"x".repeat(100_000)}`;
    const spawnings = Array.from({ length: 60 }, () => sandbox.spawn(command));
    for (const { status, ...rest } of await Promise.allSettled(spawnings)) {
      expect({ status, ...rest }).toMatchObject({ status: "rejected", reason: CAPACITY });
    }
    expect(memory.usedBytes).toBe(0);
    await expectNeighbourServed(memory);
  });

  it("gives back what was not read when its handle is forgotten or its call ends", async () => {
    const memory = budget(64 * MEBIBYTE);
    const { scripted, sandbox } = scriptedSandbox(memory);
    const reading = sandbox.read("f");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("read");
    for (let pieces = 0; pieces < 10; pieces++) {
      agent.send(FRAME.data, stream, Buffer.alloc(60_000));
      await settled();
    }
    expect(memory.usedBytes).toBeGreaterThan(500_000);
    agent.send(FRAME.result, stream, { found: true });
    expect(await reading).toHaveLength(600_000);
    expect(memory.usedBytes).toBe(0);
  });
});

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
    expect(delay.p99Ms()).toBeLessThan(MAX_DELAY_MS);
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
    expect(delay.p99Ms()).toBeLessThan(MAX_DELAY_MS);
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

function info(index: number): string {
  const path = `/workspace/d/file-${index}`;
  return JSON.stringify({ path, type: "file", size: 5, mode: 0o644, mtimeMs: 1_790_000_000_000 });
}

/** How long the event loop was held up, from now to the end of the block. */
function delayed(): Disposable & { p99Ms: () => number } {
  const histogram = monitorEventLoopDelay({ resolution: 10 });
  histogram.enable();
  return {
    p99Ms: () => {
      const ms = histogram.percentile(99) / 1e6;
      const most = histogram.max / 1e6;
      process.stdout.write(
        `event loop delay: p99 ${ms.toFixed(1)} ms, most ${most.toFixed(1)} ms\n`,
      );
      return ms;
    },
    [Symbol.dispose]: () => histogram.disable(),
  };
}
