import { describe, expect, it } from "vitest";
import {
  MAX_GLOB_PATTERN_BYTES,
  MAX_GREP_PATTERN_BYTES,
  SandboxError,
} from "@carrel/backend-protocol";
import { AgentSandbox } from "./agent-sandbox.ts";
import { FRAME } from "./frames.ts";
import type { FrameType } from "./frames.ts";
import { settled } from "./testing/fake-time.ts";
import { HELLO, ScriptedSandbox, encodeFrame } from "./testing/scripted-agent.ts";

const MEBIBYTE = 1024 * 1024;
const UNAVAILABLE = { code: "unavailable" };
const STOPPED = new SandboxError({ code: "unavailable", message: "It was stopped." });
const HASH = "0".repeat(64);

function sandboxOf(scripted: ScriptedSandbox): AgentSandbox {
  return new AgentSandbox({ id: "scripted", workDir: "/workspace", open: scripted.open });
}

function scriptedSandbox(): { scripted: ScriptedSandbox; sandbox: AgentSandbox } {
  const scripted = new ScriptedSandbox();
  return { scripted, sandbox: sandboxOf(scripted) };
}

describe("a call whose connection broke", () => {
  it("is asked once more where it changes nothing", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const stat = sandbox.stat("file");
    const first = await scripted.nextAgent();
    await first.nextCall("stat");
    first.breakOff();
    const second = await scripted.nextAgent();
    const { stream, parameters } = await second.nextCall("stat");
    expect(parameters).toEqual({ path: "/workspace/file" });
    second.send(FRAME.result, stream, { info: null });
    await expect(stat).resolves.toBeNull();
  });

  it("is not asked a third time", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const refused = expect(sandbox.ls("/")).rejects.toMatchObject(UNAVAILABLE);
    for (let times = 0; times < 2; times++) {
      const agent = await scripted.nextAgent();
      await agent.nextCall("ls");
      agent.breakOff();
    }
    await refused;
    await settled();
    expect(scripted.opened).toBe(2);
  });

  it.each<[string, (sandbox: AgentSandbox) => Promise<unknown>]>([
    ["write", (sandbox) => sandbox.write("f", "text")],
    ["edit", (sandbox) => sandbox.edit("f", "a", "b")],
    ["remove", (sandbox) => sandbox.remove("f")],
    ["move", (sandbox) => sandbox.move("f", "g")],
    ["mkdir", (sandbox) => sandbox.mkdir("d")],
    ["spawn", (sandbox) => sandbox.spawn("true")],
    ["readStream", (sandbox) => sandbox.readStream("f")],
    ["connect", (sandbox) => sandbox.connect(80)],
  ])("is not asked again where it may have been done: %s", async (method, call) => {
    const { scripted, sandbox } = scriptedSandbox();
    const refused = expect(call(sandbox)).rejects.toMatchObject(UNAVAILABLE);
    const agent = await scripted.nextAgent();
    await agent.nextCall(method);
    agent.breakOff();
    await refused;
    await settled();
    expect(scripted.opened).toBe(1);
  });

  it("is not asked again of a sandbox that was stopped", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const refused = expect(sandbox.stat("file")).rejects.toBe(STOPPED);
    await (await scripted.nextAgent()).nextCall("stat");
    sandbox.end(STOPPED);
    await refused;
    await settled();
    expect(scripted.opened).toBe(1);
  });

  it("is not asked again over a connection that was closed on purpose", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const refused = expect(sandbox.stat("file")).rejects.toMatchObject(UNAVAILABLE);
    await (await scripted.nextAgent()).nextCall("stat");
    await sandbox[Symbol.asyncDispose]();
    await refused;
    await settled();
    expect(scripted.opened).toBe(1);
  });
});

describe("an abort", () => {
  it("before a call keeps it from being made", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const signal = AbortSignal.abort();
    await expect(sandbox.stat("f", { signal })).rejects.toMatchObject({ code: "aborted" });
    await expect(sandbox.spawn("true", { signal })).rejects.toMatchObject({ code: "aborted" });
    expect(scripted.opened).toBe(0);
  });

  it.each<[string, (sandbox: AgentSandbox, signal: AbortSignal) => Promise<unknown>]>([
    ["stat", (sandbox, signal) => sandbox.stat("f", { signal })],
    ["write", (sandbox, signal) => sandbox.write("f", Buffer.alloc(4 * MEBIBYTE), { signal })],
    ["spawn", (sandbox, signal) => sandbox.spawn("true", { signal })],
    ["archive", (sandbox, signal) => sandbox.archive("f", { signal })],
    ["watch", (sandbox, signal) => sandbox.watch("f", { signal }).next()],
    ["connect", (sandbox, signal) => sandbox.connect(80, { signal })],
  ])("amid a call ends it and its work: %s", async (method, call) => {
    const { scripted, sandbox } = scriptedSandbox();
    const abort = new AbortController();
    const refused = expect(call(sandbox, abort.signal)).rejects.toMatchObject({ code: "aborted" });
    const agent = await scripted.nextAgent();
    await agent.nextCall(method);
    await settled();
    abort.abort();
    await refused;
    await settled();
    expect(agent.taken().map(({ type }) => type)).toContain(FRAME.cancel);
    expect(scripted.opened).toBe(1);
  });

  it("while it waits for the connection ends only its own waiting", async () => {
    const scripted = new ScriptedSandbox({ hello: null });
    const sandbox = sandboxOf(scripted);
    const abort = new AbortController();
    const refused = expect(sandbox.stat("f", abort)).rejects.toMatchObject({ code: "aborted" });
    const stat = sandbox.stat("g");
    const agent = await scripted.nextAgent();
    await settled();
    abort.abort();
    await refused;
    agent.send(FRAME.hello, 0, HELLO);
    const { stream, parameters } = await agent.nextCall("stat");
    expect(parameters).toEqual({ path: "/workspace/g" });
    agent.send(FRAME.result, stream, { info: null });
    await expect(stat).resolves.toBeNull();
  });

  it("ends a watch also while nobody asks it for events", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const abort = new AbortController();
    const events = sandbox.watch("d", { signal: abort.signal });
    const first = events.next();
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("watch");
    agent.send(FRAME.event, stream, { type: "created", path: "/workspace/d/f" });
    expect((await first).value).toEqual({ type: "created", path: "/workspace/d/f" });
    abort.abort();
    await agent.next(FRAME.cancel);
    await expect(events.next()).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("an answer that cannot be", () => {
  const EVENT: [FrameType, object] = [FRAME.event, {}];
  const DATA: [FrameType, object] = [FRAME.data, Buffer.from("[]")];
  const MANY: [FrameType, object] = [FRAME.data, Buffer.from(`[${"{},".repeat(1000)}{}]`)];

  function listOf(...paths: string[]): [FrameType, object] {
    const infos = paths.map((path) => ({ path, type: "file", size: 0, mode: 0, mtimeMs: 0 }));
    return [FRAME.data, Buffer.from(JSON.stringify(infos))];
  }

  it.each<[string, string, (sandbox: AgentSandbox) => Promise<unknown>, [FrameType, object][]]>([
    ["an event", "stat", (sandbox) => sandbox.stat("f"), [EVENT]],
    ["an event amid a list", "ls", (sandbox) => sandbox.ls("f"), [DATA, EVENT]],
    ["no list", "ls", (sandbox) => sandbox.ls("f"), [[FRAME.result, {}]]],
    ["a list of nothing", "ls", (sandbox) => sandbox.ls("f"), [MANY, [FRAME.result, {}]]],
    [
      "a page with more entries than its limit",
      "ls",
      (sandbox) => sandbox.ls("/", { limit: 1 }),
      [listOf("/a", "/b"), [FRAME.result, {}]],
    ],
    [
      "a page that begins again",
      "ls",
      (sandbox) => sandbox.ls("/", { limit: 2, after: "a" }),
      [listOf("/a", "/b"), [FRAME.result, {}]],
    ],
    [
      "a page out of order",
      "ls",
      (sandbox) => sandbox.ls("/", { limit: 2 }),
      [listOf("/b", "/a"), [FRAME.result, {}]],
    ],
    ["no info", "stat", (sandbox) => sandbox.stat("f"), [[FRAME.result, {}]]],
    ["null", "mkdir", (sandbox) => sandbox.mkdir("f"), [[FRAME.result, Buffer.from("null")]]],
    [
      "a path that leads elsewhere",
      "stat",
      (sandbox) => sandbox.stat("f"),
      [[FRAME.result, { info: { path: "/a/../b", type: "file", size: 0, mode: 0, mtimeMs: 0 } }]],
    ],
    [
      "more bytes than were asked for",
      "read",
      (sandbox) => sandbox.read("f", { limit: 1 }),
      [DATA, [FRAME.result, { found: true }]],
    ],
    ["an event in a download", "readStream", (sandbox) => sandbox.readStream("f"), [EVENT]],
    [
      "bytes in a watch",
      "watch",
      (sandbox) => sandbox.watch("f").next(),
      [[FRAME.data, Buffer.from('{"type":"created","path":"/f"}')]],
    ],
    [
      "an event that tells nothing",
      "watch",
      (sandbox) => sandbox.watch("f").next(),
      [[FRAME.event, Buffer.from("no JSON")]],
    ],
    ["bytes before it begins", "connect", (sandbox) => sandbox.connect(80), [DATA]],
    ["an end before it begins", "spawn", (sandbox) => sandbox.spawn("true"), [[FRAME.result, {}]]],
    [
      "a huge id",
      "spawn",
      (sandbox) => sandbox.spawn("true"),
      [
        [
          FRAME.event,
          { id: "x".repeat(900_000), startedAt: "2026-01-31T12:00:00.000Z", open: false },
        ],
      ],
    ],
  ])("is refused: %s in %s", async (_, method, call, frames) => {
    const { scripted, sandbox } = scriptedSandbox();
    const refused = expect(call(sandbox)).rejects.toMatchObject(UNAVAILABLE);
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall(method);
    for (const [type, content] of frames) agent.send(type, stream, content);
    await refused;
    // The connection is as good as before, and the place of the call is free again.
    const stat = sandbox.stat("f");
    await settled();
    agent.send(FRAME.result, stream + 1, { info: null });
    await expect(stat).resolves.toBeNull();
    expect(scripted.opened).toBe(1);
  });

  it("ends a terminal and a connection: events amid their bytes", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const opening = sandbox.openTerminal({ columns: 80, rows: 24 });
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("openTerminal");
    agent.send(FRAME.event, stream, { id: "t" });
    const terminal = await opening;
    agent.send(FRAME.data, stream, Buffer.from("$ "));
    agent.send(FRAME.event, stream, {});
    const shown: string[] = [];
    for await (const bytes of terminal.output) shown.push(Buffer.from(bytes).toString());
    expect(shown).toEqual(["$ "]);
    await terminal.closed;
    await agent.next(FRAME.cancel);

    const connecting = sandbox.connect(80);
    const { stream: second } = await agent.nextCall("connect");
    agent.send(FRAME.event, second, {});
    const socket = await connecting;
    const failed = new Promise<Error>((resolve) => socket.once("error", resolve));
    agent.send(FRAME.event, second, { injected: true });
    socket.on("data", () => expect.unreachable());
    expect(await failed).toMatchObject(UNAVAILABLE);
  });
});

describe("a large answer", () => {
  it("is put together, however small its pieces, in memory that its caller may give away", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const reading = sandbox.read("f");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("read");
    const pieces = 5000;
    for (let piece = 0; piece < pieces; piece++) {
      agent.send(FRAME.data, stream, Buffer.from("x"));
      // Each is read before the next one comes.
      await Promise.resolve();
    }
    agent.send(FRAME.result, stream, { found: true });
    const bytes = await reading;
    expect(bytes).toHaveLength(pieces);
    expect(bytes?.buffer.byteLength).toBe(pieces);
  });

  it("is not mixed up with what comes for others", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const readings = ["a", "b", "c"].map((path) => sandbox.read(path));
    const agent = await scripted.nextAgent();
    const calls = [];
    for (const letter of ["a", "b", "c"]) {
      calls.push({ letter, ...(await agent.nextCall("read")) });
    }
    for (let round = 0; round < 100; round++) {
      const frames = calls.map(({ letter, stream }) =>
        encodeFrame(FRAME.data, stream, Buffer.alloc(1000, letter)),
      );
      agent.sendBytes(Buffer.concat(frames));
    }
    for (const { stream } of calls) agent.send(FRAME.result, stream, { found: true });
    const texts = (await Promise.all(readings)).map((bytes) => Buffer.from(bytes!).toString());
    expect(texts).toEqual(["a", "b", "c"].map((letter) => letter.repeat(100_000)));
  });
});

describe("a body that is written", () => {
  it("is not ended, and changes nothing, where its source fails", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(Buffer.from("part"));
        controller.error(new Error("the upload broke off"));
      },
    });
    const refused = expect(sandbox.write("f", source)).rejects.toMatchObject({ code: "aborted" });
    const agent = await scripted.nextAgent();
    await agent.nextCall("write");
    await refused;
    await settled();
    const types = agent.taken().map(({ type }) => type);
    expect(types).toContain(FRAME.cancel);
    expect(types).not.toContain(FRAME.end);
  });

  it("tells its source at once that nobody reads on", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const cancelled = Promise.withResolvers<void>();
    const source = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() });
    const refused = expect(sandbox.write("f", source)).rejects.toMatchObject({ code: "no-space" });
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("write");
    agent.send(FRAME.error, stream, { code: "no-space", message: "m" });
    await refused;
    await cancelled.promise;
  });

  it("is sent before its end, and answered after it", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const writing = sandbox.write("f", "text");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("write");
    expect((await agent.next(FRAME.data)).payload.toString()).toBe("text");
    await agent.next(FRAME.end);
    agent.send(FRAME.result, stream, { sizeBytes: 4, hash: HASH, created: true });
    expect(await writing).toMatchObject({ path: "/workspace/f", sizeBytes: 4 });
  });
});

describe("a pattern that is too long", () => {
  const glob = "é".repeat(MAX_GLOB_PATTERN_BYTES / 2);
  const pattern = "x".repeat(MAX_GREP_PATTERN_BYTES);

  it("is refused before anything is sent", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const calls = [
      sandbox.glob(`${glob}*`),
      sandbox.glob(""),
      sandbox.glob("a\0b"),
      sandbox.glob("x".repeat(50_000_000)),
      sandbox.grep(`${pattern}x`),
      sandbox.grep(`${pattern}x`, { literal: true }),
      sandbox.grep("x", { glob: `${glob}*` }),
    ];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: "invalid-argument" });
    }
    expect(scripted.opened).toBe(0);
  });

  it("begins beyond what is sent in one frame, be each byte written with six", async () => {
    const { scripted, sandbox } = scriptedSandbox();
    const grep = sandbox.grep("\udc80".repeat(MAX_GREP_PATTERN_BYTES), { glob });
    const agent = await scripted.nextAgent();
    const { stream, parameters } = await agent.nextCall("grep");
    expect(parameters).toMatchObject({ glob, limit: 1000 });
    agent.send(FRAME.data, stream, Buffer.from("[]"));
    agent.send(FRAME.result, stream, { truncated: false });
    await expect(grep).resolves.toEqual({ matches: [], truncated: false });
  });
});
