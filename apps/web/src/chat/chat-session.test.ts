import { describe, expect, test } from "vitest";
import { ApiError, networkError } from "../api/api-error.ts";
import { ChatSession } from "./chat-session.ts";
import type { ChatSnapshot } from "./chat-snapshot.ts";
import { MemoryChatServer } from "./testing/memory-chat-server.ts";

function open(server: MemoryChatServer): {
  chat: ChatSession;
  delays: number[];
  close: () => void;
} {
  const delays: number[] = [];
  const chat = new ChatSession(server, {
    async wait(delayMs) {
      delays.push(delayMs);
    },
    random: () => 1,
    onNextFrame: (callback) => queueMicrotask(callback),
  });
  const close = chat.start();
  return { chat, delays, close };
}

async function until(chat: ChatSession, condition: (snapshot: ChatSnapshot) => boolean) {
  const { promise, resolve } = Promise.withResolvers<ChatSnapshot>();
  const look = () => {
    if (condition(chat.snapshot())) resolve(chat.snapshot());
  };
  const unsubscribe = chat.subscribe(look);
  look();
  const snapshot = await promise;
  unsubscribe();
  return snapshot;
}

const loaded = (snapshot: ChatSnapshot) => snapshot.loaded;
const settled = ({ loaded: ready, turns }: ChatSnapshot) =>
  ready &&
  turns.length > 0 &&
  turns.every(({ state }) => state !== "sending" && state !== "running");

function textsOf({ turns }: ChatSnapshot): string[] {
  return turns.map((turn) =>
    turn.parts.map((part) => (part.type === "text" ? part.text : part.name)).join("|"),
  );
}

describe("a conversation", () => {
  test("streams the answer to a message", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    expect(chat.send("hello")).toBe(true);
    expect(chat.snapshot().turns).toMatchObject([{ message: "hello", state: "sending" }]);
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.emit("text-delta", { text: "Hi" });
    await until(chat, (snapshot) => textsOf(snapshot)[0] === "Hi");
    server.emit("text-delta", { text: " there." });
    server.end();
    expect(textsOf(await until(chat, settled))).toEqual(["Hi there."]);
    expect(server.requests).toEqual(["messages", "send hello"]);
  });

  test("is restored from the record, and a running turn is attached", async () => {
    const server = new MemoryChatServer();
    server.begin("first");
    server.emit("text-delta", { text: "one" });
    server.end();
    server.begin("second");
    server.emit("text-delta", { text: "tw" });
    const { chat } = open(server);
    await until(chat, (snapshot) => textsOf(snapshot)[1] === "tw");
    expect(chat.send("third")).toBe(false);
    server.emit("text-delta", { text: "o" });
    server.end();
    expect(textsOf(await until(chat, settled))).toEqual(["one", "two"]);
  });

  test("can be closed and opened again without losing or doubling anything", async () => {
    const server = new MemoryChatServer();
    const { chat, close } = open(server);
    close();
    const closeAgain = chat.start();
    await until(chat, loaded);
    chat.send("hello");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.emit("text-delta", { text: "a" });
    await until(chat, (snapshot) => textsOf(snapshot)[0] === "a");
    closeAgain();
    server.emit("text-delta", { text: "b" });
    chat.start();
    server.end();
    expect(textsOf(await until(chat, settled))).toEqual(["ab"]);
  });

  test("counts what may have changed the files", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    expect(chat.snapshot().workspaceChanges).toBe(0);
    chat.send("write");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.emit("tool-call", { id: "c", name: "write_file", args: {} });
    server.emit("tool-result", { id: "c", status: "success", content: "", detail: null });
    server.end();
    expect((await until(chat, settled)).workspaceChanges).toBe(2);
  });
});

describe("a lost connection", () => {
  test("after every single event loses and doubles nothing", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    server.connectionLength = 1;
    chat.send("count");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    let expected = "";
    for (let number = 0; number < 50; number += 1) {
      server.emit("text-delta", { text: `${number} ` });
      server.emit("text-delta", { text: `${number} ` });
      expected += `${number} ${number} `;
      await until(chat, (snapshot) => textsOf(snapshot)[0] === expected);
    }
    server.end();
    expect(textsOf(await until(chat, settled))).toEqual([expected]);
    const resumed = server.requests.filter((request) => request.startsWith("events"));
    expect(resumed.slice(0, 3)).toEqual(["events 1", "events 2", "events 3"]);
  });

  test("is retried ever less often, and says so", async () => {
    const server = new MemoryChatServer();
    const { chat, delays } = open(server);
    await until(chat, loaded);
    chat.send("hello");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.reachable = false;
    server.cut();
    await until(chat, () => delays.length >= 8);
    expect(chat.snapshot().link.state).not.toBe("up");
    server.reachable = true;
    server.emit("text-delta", { text: "still here" });
    server.end();
    expect(textsOf(await until(chat, settled))).toEqual(["still here"]);
    expect(chat.snapshot().link.state).toBe("up");
    expect(delays.slice(0, 7)).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  });

  test("while another page began the next turn ends in what the server has", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    chat.send("mine");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.reachable = false;
    server.cut();
    await until(chat, ({ link }) => link.state === "waiting");
    server.emit("text-delta", { text: "answer to mine" });
    server.end();
    server.begin("theirs");
    server.emit("text-delta", { text: "answer to theirs" });
    server.reachable = true;
    server.end();
    const snapshot = await until(chat, (now) => settled(now) && now.turns.length === 2);
    expect(textsOf(snapshot)).toEqual(["answer to mine", "answer to theirs"]);
  });

  test("before the server's answer does not send the message twice", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    server.nextSendError = { error: networkError("cut"), taken: true };
    chat.send("hello");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.emit("text-delta", { text: "once" });
    server.end();
    const snapshot = await until(chat, settled);
    expect(textsOf(snapshot)).toEqual(["once"]);
    expect(snapshot.refusal).toBeNull();
    expect(server.requests.filter((request) => request.startsWith("send"))).toHaveLength(1);
  });

  test("before the message arrived gives the message back", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    server.nextSendError = { error: networkError("cut"), taken: false };
    chat.send("hello");
    const { refusal, turns } = await until(chat, (snapshot) => snapshot.refusal !== null);
    expect(refusal?.message).toBe("hello");
    expect(turns).toEqual([]);
    expect(chat.send("hello")).toBe(true);
  });
});

describe("a refusal", () => {
  test("gives the message back with the server's reason", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    const error = new ApiError({ code: "too-large", message: "Too long.", status: 413 });
    server.nextSendError = { error, taken: false };
    chat.send("long");
    const snapshot = await until(chat, ({ refusal }) => refusal !== null);
    expect(snapshot.refusal).toEqual({ message: "long", error });
    expect(snapshot.link.state).toBe("up");
    chat.dismissRefusal();
    expect(chat.snapshot().refusal).toBeNull();
  });

  test("because another page's turn runs shows that turn", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    server.begin("theirs");
    const error = new ApiError({ code: "busy", message: "A turn is running.", status: 409 });
    server.nextSendError = { error, taken: false };
    chat.send("mine");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    expect(chat.snapshot().refusal).toEqual({ message: "mine", error });
    server.emit("text-delta", { text: "answer to theirs" });
    server.end();
    const snapshot = await until(chat, settled);
    expect(snapshot.turns).toMatchObject([{ message: "theirs" }]);
    expect(snapshot.refusal).toBeNull();
  });

  test("because the session is gone ends it and gives the message back", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    server.ended = true;
    chat.send("hello");
    const snapshot = await until(chat, ({ link }) => link.state === "ended");
    expect(snapshot.refusal?.message).toBe("hello");
    expect(chat.send("again")).toBe(false);
  });
});

describe("stopping", () => {
  test("ends the turn as cancelled", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    chat.send("work");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    await chat.stop();
    const snapshot = await until(chat, settled);
    expect(snapshot.turns[0]?.state).toBe("cancelled");
    expect(snapshot.stopping).toBe(false);
  });

  test("says why it did not work, and can be tried again", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    chat.send("work");
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.reachable = false;
    await chat.stop();
    expect(chat.snapshot()).toMatchObject({ stopping: false, stopError: { code: "network" } });
    server.reachable = true;
    await chat.stop();
    expect((await until(chat, settled)).turns[0]?.state).toBe("cancelled");
  });
});

test("looking again finds what another page has said", async () => {
  const server = new MemoryChatServer();
  const { chat } = open(server);
  await until(chat, loaded);
  server.begin("theirs");
  server.emit("text-delta", { text: "answer" });
  server.end();
  chat.refresh();
  expect(textsOf(await until(chat, settled))).toEqual(["answer"]);
});

describe("polling", () => {
  test("follows a turn that another page began", async () => {
    const server = new MemoryChatServer();
    const { chat } = open(server);
    await until(chat, loaded);
    const { workspaceChanges } = chat.snapshot();
    server.begin("theirs");
    const polled = chat.poll();
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    server.emit("text-delta", { text: "answer" });
    server.end();
    await polled;
    expect(textsOf(chat.snapshot())).toEqual(["answer"]);
    expect(chat.snapshot().workspaceChanges).toBeGreaterThan(workspaceChanges);
  });

  test("that finds nothing new leaves the files alone", async () => {
    const server = new MemoryChatServer();
    server.begin("first");
    server.end();
    const { chat } = open(server);
    await until(chat, loaded);
    await chat.poll();
    expect(server.requests).toEqual(["messages", "messages"]);
    expect(chat.snapshot().workspaceChanges).toBe(0);
  });

  test("asks nothing before the record is there and while a turn is followed", async () => {
    const server = new MemoryChatServer();
    server.begin("first");
    const { chat } = open(server);
    await chat.poll();
    await until(chat, ({ turns }) => turns[0]?.state === "running");
    await chat.poll();
    expect(server.requests).toEqual(["messages", "events 0"]);
  });
});

test("whoever waits for the record can send as soon as it is there", async () => {
  const server = new MemoryChatServer();
  server.reachable = false;
  const { chat, delays } = open(server);
  expect(chat.send("too early")).toBe(false);
  await until(chat, () => delays.length >= 2);
  server.reachable = true;
  await chat.loaded;
  expect(chat.send("now")).toBe(true);
});
