import { expect, test } from "vitest";
import { settle } from "../test/test-manager.ts";
import { SessionEvents } from "./session-events.ts";
import type { SessionEvent } from "./session-events.ts";

const slept: SessionEvent = { type: "session-slept", sessionId: "a", key: "a", reason: "idle" };

test("a listener hears events until it unsubscribes", () => {
  const events = new SessionEvents();
  const heard: SessionEvent[] = [];
  const unsubscribe = events.subscribe((event) => void heard.push(event));
  events.emit(slept);
  unsubscribe();
  unsubscribe();
  events.emit(slept);
  expect(heard).toEqual([slept]);
});

test("a listener that throws or rejects harms nobody", async () => {
  const events = new SessionEvents();
  const heard: SessionEvent[] = [];
  events.subscribe(() => {
    throw new Error("on purpose");
  });
  events.subscribe(async () => {
    throw new Error("on purpose, later");
  });
  events.subscribe((event) => void heard.push(event));
  events.emit(slept);
  await settle();
  expect(heard).toEqual([slept]);
});

test("one function that subscribes twice is two subscriptions", () => {
  const events = new SessionEvents();
  const heard: SessionEvent[] = [];
  const listener = (event: SessionEvent): void => void heard.push(event);
  const first = events.subscribe(listener);
  events.subscribe(listener);
  first();
  events.emit(slept);
  expect(heard).toEqual([slept]);
});

test("a listener that subscribes another during an event does not make it hear that event", () => {
  const events = new SessionEvents();
  const heard: SessionEvent[] = [];
  events.subscribe(() => void events.subscribe((event) => void heard.push(event)));
  events.emit(slept);
  expect(heard).toEqual([]);
});

test("the progress of a start reaches only whoever follows that start, until it ends", () => {
  const events = new SessionEvents();
  const [mine, others]: [unknown[], unknown[]] = [[], []];
  const unfollow = events.followStart("a", (progress) => void mine.push(progress));
  events.followStart("b", (progress) => void others.push(progress));
  const progress: SessionEvent = {
    type: "start-progress",
    sessionId: "a",
    key: "a",
    phase: "queued",
  };
  events.emit(slept);
  events.emit({ ...progress, detail: "third" });
  events.emit(progress);
  unfollow();
  events.emit(progress);
  expect(mine).toEqual([{ phase: "queued", detail: "third" }, { phase: "queued" }]);
  expect(others).toEqual([]);
});

test("one who follows a start and throws harms nobody", () => {
  const events = new SessionEvents();
  events.followStart("a", () => {
    throw new Error("on purpose");
  });
  events.emit({ type: "start-progress", sessionId: "a", key: "a", phase: "queued" });
});
