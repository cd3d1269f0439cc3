import { expect, test } from "vitest";
import { ApiError } from "../api/api-error.ts";
import { UploadQueue } from "./upload-queue.ts";
import type { SendOptions } from "./upload-queue.ts";

interface Sent {
  path: string;
  options: SendOptions;
  succeed: () => void;
  fail: (code: string) => void;
}

function openQueue() {
  const sent: Sent[] = [];
  const watchers = new Set<() => void>();
  const wake = () => watchers.forEach((watcher) => watcher());
  let uploaded = 0;
  const send = (path: string, _content: File, options: SendOptions) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (code: string) => reject(new ApiError({ code, message: code, status: 409 }));
    options.signal.addEventListener("abort", () => fail("aborted"));
    sent.push({ path, options, succeed: resolve, fail });
    wake();
    return promise;
  };
  const queue = new UploadQueue(send, () => {
    uploaded += 1;
  });
  queue.subscribe(wake);
  const add = (...names: string[]) =>
    queue.add(names.map((name) => ({ content: new File(["x"], name), path: `./${name}` })));
  const states = () => queue.list().map(({ path, state }) => `${path} ${state}`);
  const until = async (condition: () => boolean) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (condition()) resolve();
    };
    watchers.add(look);
    look();
    await promise;
    watchers.delete(look);
  };
  return { queue, sent, add, states, until, uploads: () => uploaded };
}

test("files are sent one after the other, and leave the list when they are there", async () => {
  const { sent, add, states, until, uploads } = openQueue();
  add("a", "b");
  expect(states()).toEqual(["./a sending", "./b waiting"]);
  sent[0]?.succeed();
  await until(() => sent.length === 2);
  expect(states()).toEqual(["./b sending"]);
  sent[1]?.succeed();
  await until(() => states().length === 0);
  expect(uploads()).toBe(2);
});

test("how far one has got is told", () => {
  const { queue, sent, add } = openQueue();
  add("a");
  sent[0]?.options.onProgress(0.4);
  expect(queue.list()[0]?.share).toBe(0.4);
});

test("nothing that is there is replaced without asking", async () => {
  const { queue, sent, add, states, until } = openQueue();
  add("a", "b");
  expect(sent[0]?.options.replace).toBe(false);
  sent[0]?.fail("conflict");
  await until(() => sent.length === 2);
  sent[1]?.succeed();
  await until(() => states().length === 1);
  expect(states()).toEqual(["./a conflict"]);
  queue.settleConflicts(true);
  expect(sent[2]?.path).toBe("./a");
  expect(sent[2]?.options.replace).toBe(true);
});

test("whoever keeps what is there does not send again", async () => {
  const { queue, sent, add, states, until } = openQueue();
  add("a");
  sent[0]?.fail("already-exists");
  await until(() => states()[0] === "./a conflict");
  queue.settleConflicts(false);
  expect(states()).toEqual([]);
  expect(sent).toHaveLength(1);
});

test("a failure stays in the list with its reason and does not hold up the others", async () => {
  const { queue, sent, add, states, until } = openQueue();
  add("a", "b");
  sent[0]?.fail("no-space");
  await until(() => sent.length === 2);
  expect(states()).toEqual(["./a failed", "./b sending"]);
  expect(queue.list()[0]?.error?.code).toBe("no-space");
  const [failed] = queue.list();
  queue.remove(failed?.id ?? 0);
  expect(states()).toEqual(["./b sending"]);
});

test("one that is taken out while it is sent is broken off, and the next is sent", async () => {
  const { queue, sent, add, states, until } = openQueue();
  add("a", "b");
  queue.remove(queue.list()[0]?.id ?? 0);
  await until(() => sent.length === 2);
  expect(sent[0]?.options.signal.aborted).toBe(true);
  expect(states()).toEqual(["./b sending"]);
  queue.clear();
  expect(sent[1]?.options.signal.aborted).toBe(true);
  expect(states()).toEqual([]);
});
