import { describe, expect, it } from "vitest";
import { SandboxError } from "@carrel/backend-protocol";
import type { OutputChunk, SpawnOptions } from "@carrel/backend-protocol";
import type { AgentProcess } from "./agent-process.ts";
import { AgentSandbox } from "./agent-sandbox.ts";
import { FRAME } from "./frames.ts";
import { FakeTime, settled } from "./testing/fake-time.ts";
import { LocalAgent } from "./testing/local-agent.ts";
import { ScriptedSandbox } from "./testing/scripted-agent.ts";
import type { ScriptedAgent } from "./testing/scripted-agent.ts";

const ID = "instance-1";
const STARTED = { id: ID, startedAt: "2026-01-31T12:00:00.000Z", open: false };
const EXITED = { outcome: "exited", exitCode: 0, signal: null, truncated: false, durationMs: 7 };
const LOST = { outcome: "lost", exitCode: null };
const STOPPED = new SandboxError({ code: "unavailable", message: "It was stopped." });

interface Spawned {
  scripted: ScriptedSandbox;
  sandbox: AgentSandbox;
  agent: ScriptedAgent;
  stream: number;
  process: AgentProcess;
}

async function spawn(options: SpawnOptions = {}): Promise<Spawned> {
  const scripted = new ScriptedSandbox();
  const { open } = scripted;
  const sandbox = new AgentSandbox({ id: "scripted", workDir: "/workspace", open });
  const spawning = sandbox.spawn("command", options);
  const agent = await scripted.nextAgent();
  const { stream } = await agent.nextCall("spawn");
  if (options.stdin !== "open") await agent.next(FRAME.end);
  agent.send(FRAME.event, stream, { ...STARTED, open: options.stdin === "open" });
  return { scripted, sandbox, agent, stream, process: await spawning };
}

async function attached(
  scripted: ScriptedSandbox,
  started: object = STARTED,
): Promise<{ agent: ScriptedAgent; stream: number; after: unknown }> {
  const agent = await scripted.nextAgent();
  const { stream, parameters } = await agent.nextCall("attach");
  expect(parameters.id).toBe(ID);
  agent.send(FRAME.event, stream, started);
  return { agent, stream, after: parameters.after };
}

async function textOf(output: AsyncIterable<OutputChunk>): Promise<string> {
  const texts: string[] = [];
  for await (const { sequence, data } of output) {
    texts.push(`${sequence}:${Buffer.from(data).toString()}`);
  }
  return texts.join(" ");
}

describe("a process whose connection breaks", () => {
  it("goes on with its output where it was, over as many connections as it takes", async () => {
    const { scripted, agent, stream, process } = await spawn();
    agent.output(stream, 1, "a");
    agent.output(stream, 2, "b");
    await settled();
    agent.breakOff();
    const second = await attached(scripted);
    expect(second.after).toBe(2);
    second.agent.output(second.stream, 3, "c");
    await settled();
    second.agent.end();
    const third = await attached(scripted);
    expect(third.after).toBe(3);
    third.agent.output(third.stream, 4, "d");
    third.agent.send(FRAME.result, third.stream, EXITED);
    expect(await process.result).toEqual(EXITED);
    expect(await textOf(process.output)).toBe("1:a 2:b 3:c 4:d");
  });

  it("tells of output that was dropped meanwhile by a jump in its numbers", async () => {
    const { scripted, agent, stream, process } = await spawn();
    agent.output(stream, 1, "a");
    await settled();
    agent.breakOff();
    const second = await attached(scripted);
    second.agent.output(second.stream, 9, "b");
    second.agent.send(FRAME.result, second.stream, { ...EXITED, truncated: true });
    expect(await process.result).toMatchObject({ truncated: true });
    expect(await textOf(process.output)).toBe("1:a 9:b");
  });

  it("is lost where its output comes twice", async () => {
    const { scripted, agent, stream, process } = await spawn();
    agent.output(stream, 1, "a");
    agent.output(stream, 2, "b");
    await settled();
    agent.breakOff();
    const second = await attached(scripted);
    second.agent.output(second.stream, 2, "b");
    second.agent.send(FRAME.result, second.stream, EXITED);
    expect(await process.result).toMatchObject(LOST);
    expect(await textOf(process.output)).toBe("1:a 2:b");
  });

  it("is lost where another instance of the agent answers", async () => {
    const { scripted, agent, process } = await spawn();
    scripted.restart();
    agent.breakOff();
    expect(await process.result).toMatchObject(LOST);
    expect(scripted.opened).toBe(2);
  });

  it("is lost where the agent does not know it any more", async () => {
    const { scripted, agent, process } = await spawn();
    agent.breakOff();
    const second = await scripted.nextAgent();
    const { stream } = await second.nextCall("attach");
    second.send(FRAME.error, stream, { code: "not-found", message: "m" });
    expect(await process.result).toMatchObject(LOST);
    expect(scripted.opened).toBe(2);
  });

  it("is lost where the sandbox was stopped, without another connection", async () => {
    const { scripted, sandbox, process } = await spawn();
    sandbox.end(STOPPED);
    expect(await process.result).toMatchObject(LOST);
    await process.kill();
    expect(scripted.opened).toBe(1);
  });

  it("is lost after a while where every connection breaks again at once", async () => {
    using time = new FakeTime();
    const { scripted, agent, process } = await spawn();
    let result: unknown = null;
    void process.result.then((ended) => (result = ended));
    agent.breakOff();
    void (async () => {
      for (;;) (await attached(scripted)).agent.breakOff();
    })();
    for (let seconds = 0; seconds < 35; seconds++) await time.pass(1000);
    expect(result).toMatchObject(LOST);
    expect(scripted.opened).toBeLessThan(12);
  });

  it.each<[string, boolean]>([
    ["nothing", false],
    ["something new", true],
  ])("is lost when its time is up where each connection tells %s and breaks", async (_, isNew) => {
    using time = new FakeTime();
    const { scripted, agent, process } = await spawn({ timeoutMs: 20_000 });
    let result: unknown = null;
    void process.result.then((ended) => (result = ended));
    agent.breakOff();
    void (async () => {
      for (let sequence = 1; ; sequence++) {
        const next = await attached(scripted);
        if (isNew) next.agent.output(next.stream, sequence, "x");
        await settled();
        next.agent.breakOff();
      }
    })();
    for (let seconds = 0; seconds < 34; seconds++) await time.pass(1000);
    expect(result === null).toBe(isNew);
    await time.pass(2000);
    expect(result).toMatchObject(LOST);
    const { opened } = scripted;
    expect(opened).toBeLessThan(40);
    await time.pass(60_000);
    expect(scripted.opened).toBe(opened);
  });

  it("is lost when its time is up where the agent cannot be reached any more", async () => {
    using time = new FakeTime();
    const { scripted, agent, process } = await spawn({ timeoutMs: 1000 });
    let result: unknown = null;
    void process.result.then((ended) => (result = ended));
    agent.breakOff();
    const attaching = scripted.nextAgent();
    await time.pass(0);
    const second = await attaching;
    await second.nextCall("attach");
    for (let seconds = 0; seconds < 17; seconds++) {
      await time.pass(1000);
      second.send(FRAME.pong, 0, Buffer.alloc(8));
    }
    expect(result).toMatchObject(LOST);
  });

  it("is waited for no longer than its time, though its agent keeps the connection", async () => {
    using time = new FakeTime();
    const { sandbox, agent, process } = await spawn({ timeoutMs: 1000 });
    let result: unknown = null;
    void process.result.then((ended) => (result = ended));
    const pass = async (elapsedMs: number): Promise<void> => {
      for (let passedMs = 0; passedMs < elapsedMs; passedMs += 1000) {
        await time.pass(1000);
        agent.send(FRAME.pong, 0, Buffer.alloc(8));
      }
    };
    await pass(10_000);
    sandbox.suspend();
    await pass(3_600_000);
    sandbox.wake();
    await pass(5000);
    expect(result).toBeNull();
    await pass(2000);
    expect(result).toMatchObject(LOST);
  });

  it("is reached as often as it takes where the connections last", async () => {
    using time = new FakeTime();
    let { scripted, agent, stream, process } = await spawn({ timeoutMs: 10_000_000 });
    for (let times = 0; times < 12; times++) {
      for (let seconds = 0; seconds < 70; seconds += 5) {
        await time.pass(5000);
        agent.send(FRAME.pong, 0, Buffer.alloc(8));
      }
      agent.breakOff();
      const attaching = attached(scripted);
      await time.pass(0);
      ({ agent, stream } = await attaching);
    }
    agent.send(FRAME.result, stream, EXITED);
    expect(await process.result).toEqual(EXITED);
  });

  it("is waited for while the sandbox is frozen", async () => {
    const { scripted, sandbox, agent, process } = await spawn();
    sandbox.suspend();
    agent.breakOff();
    await settled();
    expect(scripted.opened).toBe(1);
    sandbox.wake();
    const second = await attached(scripted);
    second.agent.send(FRAME.result, second.stream, EXITED);
    expect(await process.result).toEqual(EXITED);
  });

  it("takes input again, and tells of input that may be lost", async () => {
    const { scripted, agent, process } = await spawn({ stdin: "open" });
    await process.write("first");
    expect((await agent.next(FRAME.data)).payload.toString()).toBe("first");
    // More than there is window for.
    const writing = process.write(Buffer.alloc(2 * 1024 * 1024));
    await settled();
    agent.breakOff();
    await expect(writing).rejects.toMatchObject({ code: "unavailable" });
    const second = await attached(scripted, { ...STARTED, open: true });
    await settled();
    await process.write("second");
    expect((await second.agent.next(FRAME.data)).payload.toString()).toBe("second");
    await process.closeStdin();
    await second.agent.next(FRAME.end);
    second.agent.breakOff();
    const third = await attached(scripted, { ...STARTED, open: true });
    await third.agent.next(FRAME.end);
    third.agent.send(FRAME.result, third.stream, EXITED);
    await process.result;
  });
});

describe("what is written to a process", () => {
  it.each([10, 60_000])("is taken over: a buffer of %i bytes can be used again", async (size) => {
    const { agent, process } = await spawn({ stdin: "open" });
    const buffer = Buffer.alloc(size);
    for (const letter of ["a", "b", "c"]) await process.write(buffer.fill(letter));
    buffer.fill(0);
    for (const letter of ["a", "b", "c"]) {
      const { payload } = await agent.next(FRAME.data);
      expect(payload.equals(Buffer.alloc(size, letter))).toBe(true);
    }
  });

  it("after the end of its input is dropped, as it would break the connection", async () => {
    const { agent, process } = await spawn({ stdin: "open" });
    await process.closeStdin();
    await agent.next(FRAME.end);
    await process.write("late");
    await process.closeStdin();
    await settled();
    expect(agent.taken()).toEqual([]);
  });
});

describe("a process that tells nonsense", () => {
  it.each<[string, (agent: ScriptedAgent, stream: number) => void]>([
    ["an event amid output", (agent, stream) => agent.send(FRAME.event, stream, STARTED)],
    ["a chunk of nothing", (agent, stream) => agent.output(stream, 1, "")],
    ["a chunk numbered 0", (agent, stream) => agent.output(stream, 0, "x")],
    [
      "a chunk of neither stream",
      (agent, stream) => agent.send(FRAME.data, stream, Buffer.from("\x03\0\0\0\x01x")),
    ],
    [
      "more than it may write",
      (agent, stream) => {
        for (const sequence of [1, 2]) agent.output(stream, sequence, "x".repeat(60_000));
      },
    ],
    ["a result that is none", (agent, stream) => agent.send(FRAME.result, stream, { exitCode: 0 })],
    [
      "an exit without a code",
      (agent, stream) => agent.send(FRAME.result, stream, { ...EXITED, exitCode: null }),
    ],
  ])("is lost: %s", async (_, say) => {
    const { scripted, agent, stream, process } = await spawn({ maxOutputBytes: 100_000 });
    say(agent, stream);
    expect(await process.result).toMatchObject(LOST);
    for await (const { data } of process.output) expect(data.length).toBeLessThan(100_001);
    expect(scripted.opened).toBe(1);
  });
});

describe("to kill a process", () => {
  it("reaches the agent also after it ended, for what it left behind", async () => {
    const { agent, stream, process } = await spawn();
    agent.send(FRAME.result, stream, EXITED);
    await process.result;
    const killing = process.kill();
    const kill = await agent.nextCall("kill");
    expect(kill.parameters).toEqual({ id: ID });
    agent.send(FRAME.result, kill.stream, {});
    await killing;
    const again = process.kill();
    const { stream: last } = await agent.nextCall("kill");
    agent.send(FRAME.error, last, { code: "not-found", message: "m" });
    await again;
    expect(await process.result).toEqual(EXITED);
  });

  it("is repeated where its signal fired while the connection was broken", async () => {
    const abort = new AbortController();
    const { scripted, agent, process } = await spawn({ signal: abort.signal });
    const second = scripted.nextAgent();
    agent.breakOff();
    abort.abort();
    const next = await second;
    // The kill and the attaching go out side by side; the first kill gets no answer.
    await settled();
    next.breakOff();
    const third = await attached(scripted);
    const kill = await third.agent.nextCall("kill");
    third.agent.send(FRAME.result, kill.stream, {});
    third.agent.send(FRAME.result, third.stream, {
      ...EXITED,
      outcome: "cancelled",
      exitCode: null,
    });
    expect(await process.result).toMatchObject({ outcome: "cancelled" });
  });

  it("ends the waiting for an agent that does not kill it", async () => {
    using time = new FakeTime();
    const abort = new AbortController();
    const { agent, process } = await spawn({ signal: abort.signal, timeoutMs: 86_400_000 });
    let result: unknown = null;
    void process.result.then((ended) => (result = ended));
    abort.abort();
    await agent.nextCall("kill");
    for (let seconds = 0; seconds < 35; seconds += 5) {
      await time.pass(5000);
      agent.send(FRAME.pong, 0, Buffer.alloc(8));
    }
    expect(result).toMatchObject(LOST);
  });

  it("ends the waiting for one that says it is gone and does not end its call", async () => {
    using time = new FakeTime();
    const { agent, process } = await spawn({ timeoutMs: 86_400_000 });
    const killing = process.kill();
    const { stream } = await agent.nextCall("kill");
    agent.send(FRAME.result, stream, {});
    for (let seconds = 0; seconds < 20; seconds += 5) {
      await time.pass(5000);
      agent.send(FRAME.pong, 0, Buffer.alloc(8));
    }
    await killing;
    expect(await process.result).toMatchObject(LOST);
  });

  it("stops what it left behind when it ended by itself", async () => {
    await using agent = await LocalAgent.start();
    await using sandbox = agent.sandbox();
    const process = await sandbox.spawn("sleep 600 > /dev/null 2>&1 & echo $!");
    expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
    const left = Number((await textOf(process.output)).slice("1:".length));
    const runs = async (): Promise<boolean> =>
      (await sandbox.execute(`kill -0 ${left}`)).exitCode === 0;
    expect(await runs()).toBe(true);
    await process.kill();
    expect(await runs()).toBe(false);
    expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
  });
});
