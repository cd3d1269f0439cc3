import { MemoryBudget } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { FRAME } from "./frames.ts";
import { settled } from "./testing/fake-time.ts";
import { Flood } from "./testing/flooding-agent.ts";
import { usedBytes } from "./testing/held-memory.ts";
import {
  CAPACITY,
  EXITED,
  MAX_DELAY_MS,
  MAX_TURN_MS,
  MEBIBYTE,
  SLOW,
  delayed,
  expectNeighbourServed,
  floodWithSingleBytes,
  info,
  scriptedSandbox,
  started,
} from "./testing/hostile-bench.ts";
import { encodeFrame } from "./testing/scripted-agent.ts";

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
    await settled();
    expect(delay.p99Ms()).toBeLessThan(MAX_DELAY_MS);
    expect(delay.busiestTurnMs()).toBeLessThan(MAX_TURN_MS);
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

  it("ends a terminal to which somebody writes though its agent takes nothing", async () => {
    const memory = budget(MEBIBYTE);
    const { scripted, sandbox } = scriptedSandbox(memory);
    const opening = sandbox.openTerminal({ columns: 80, rows: 24 });
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("openTerminal");
    agent.send(FRAME.event, stream, { id: "t" });
    const terminal = await opening;
    await terminal.write(Buffer.alloc(MEBIBYTE));
    const writings = Array.from({ length: 10_000 }, () => terminal.write("x"));
    await Promise.all([terminal.closed, ...writings]);
    expect(memory.usedBytes).toBe(0);
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
