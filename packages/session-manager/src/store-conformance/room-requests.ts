import { expect } from "vitest";
import { NO_USER, ROOM_REQUEST_TTL_MS } from "../session-store.ts";
import type { RoomRequest, SessionStore } from "../session-store.ts";
import { acquire, die, LONG_TTL_MS } from "./store-behaviour.ts";
import type { StoreBehaviours } from "./store-behaviour.ts";

const FOR_BOB: RoomRequest = { key: "bob", ofUser: null };

/** `me` has no sandbox; `you` has those of alice and carol. */
async function meAndYou(store: SessionStore): Promise<void> {
  await store.beat("me", LONG_TTL_MS);
  await store.beat("you", LONG_TTL_MS);
  await acquire(store, "you", "alice");
  await acquire(store, "you", "carol");
}

/** `them` has that of dave. */
async function andThem(store: SessionStore): Promise<void> {
  await store.beat("them", LONG_TTL_MS);
  await acquire(store, "them", "dave");
}

export const roomRequests: StoreBehaviours = {
  "a request goes to one of those who could answer it": async (openStore) => {
    const [one, other] = [await openStore(), await openStore()];
    await meAndYou(one);
    expect(await other.takeRoomRequest("you")).toBeNull();
    expect(await one.requestRoom({ ...FOR_BOB, holder: "me" })).toBe(true);
    await one.beat("them", LONG_TTL_MS);
    expect(await one.takeRoomRequest("them")).toBeNull();
    await acquire(one, "them", "dave");
    const taken = await Promise.all([other.takeRoomRequest("you"), one.takeRoomRequest("them")]);
    expect(taken.filter((request) => request !== null)).toEqual([FOR_BOB]);
    expect(await other.takeRoomRequest("you")).toBeNull();
  },

  "one that is given back goes to another one, and one that is ended to nobody": async (
    openStore,
  ) => {
    const store = await openStore();
    await meAndYou(store);
    await andThem(store);
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    expect(await store.takeRoomRequest("you")).toEqual(FOR_BOB);
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    expect(await store.takeRoomRequest("them")).toBeNull();
    await store.endRoomRequest("bob", { giveBack: true });
    expect(await store.takeRoomRequest("them")).toEqual(FOR_BOB);
    await store.endRoomRequest("bob");
    await store.endRoomRequest("bob", { giveBack: true });
    await store.endRoomRequest("nobody");
    expect(await store.takeRoomRequest("you")).toBeNull();
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    expect(await store.takeRoomRequest("you")).toEqual(FOR_BOB);
  },

  "what the dead took goes to another one": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    await andThem(store);
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    expect(await store.takeRoomRequest("you")).toEqual(FOR_BOB);
    await store.retire("you");
    expect(await store.takeRoomRequest("them")).toEqual(FOR_BOB);
  },

  "room of anybody comes before that of one user": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    const ofAlice = { key: "another of alice", ofUser: "alice" };
    await store.requestRoom({ ...ofAlice, holder: "me" });
    await nextMillisecond();
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    expect(await store.takeRoomRequest("you")).toEqual(FOR_BOB);
    expect(await store.takeRoomRequest("you")).toEqual(ofAlice);
  },

  "who asks does not get it, and is told where nobody could answer": async (openStore) => {
    const store = await openStore();
    await store.beat("me", LONG_TTL_MS);
    await acquire(store, "me", "alice");
    expect(await store.requestRoom({ ...FOR_BOB, holder: "me" })).toBe(false);
    await store.beat("you", LONG_TTL_MS);
    expect(await store.requestRoom({ ...FOR_BOB, holder: "me" })).toBe(false);
    await acquire(store, "you", "carol");
    expect(await store.requestRoom({ ...FOR_BOB, holder: "me" })).toBe(true);
    expect(await store.takeRoomRequest("me")).toBeNull();
    await die(store, "you");
    expect(await store.takeRoomRequest("you")).toBeNull();
    expect(await store.requestRoom({ ...FOR_BOB, holder: "me" })).toBe(false);
  },

  "the room of one user is asked of those who have a sandbox of that user": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    const ofAlice = { key: "another of alice", ofUser: "alice" };
    expect(await store.requestRoom({ key: "other", ofUser: "dave", holder: "me" })).toBe(false);
    expect(await store.requestRoom({ ...ofAlice, holder: "me" })).toBe(true);
    await andThem(store);
    expect(await store.takeRoomRequest("them")).toBeNull();
    expect(await store.takeRoomRequest("you")).toEqual(ofAlice);
  },

  "the room of callers without a user id is asked of those who have a sandbox without one": async (
    openStore,
  ) => {
    const store = await openStore();
    await meAndYou(store);
    const ofNobody = { key: "another of nobody", ofUser: NO_USER };
    expect(await store.requestRoom({ ...ofNobody, holder: "me" })).toBe(false);
    await store.beat("them", LONG_TTL_MS);
    await acquire(store, "them", "of nobody", null);
    expect(await store.requestRoom({ ...ofNobody, holder: "me" })).toBe(true);
    expect(await store.takeRoomRequest("you")).toBeNull();
    expect(await store.takeRoomRequest("them")).toEqual(ofNobody);
  },

  "asking again makes no second request, and the oldest is taken first": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    for (const key of ["bob", "dave", "bob"]) {
      await store.requestRoom({ key, ofUser: null, holder: "me" });
      await nextMillisecond();
    }
    expect(await store.takeRoomRequest("you")).toMatchObject({ key: "dave" });
    expect(await store.takeRoomRequest("you")).toMatchObject({ key: "bob" });
    expect(await store.takeRoomRequest("you")).toBeNull();
  },

  "a request is void once its key is held": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    await acquire(store, "me", "bob");
    expect(await store.takeRoomRequest("you")).toBeNull();
  },

  "a request goes with the holder who asked": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    await store.beat("them", LONG_TTL_MS);
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    await store.requestRoom({ key: "dave", ofUser: null, holder: "them" });
    await die(store, "me");
    await store.retire("them");
    expect(await store.takeRoomRequest("you")).toBeNull();
    await expect(store.requestRoom({ ...FOR_BOB, holder: "me" })).rejects.toMatchObject({
      code: "unavailable",
    });
  },

  "a request that nobody takes does not stand for ever": async (openStore) => {
    const store = await openStore();
    await meAndYou(store);
    await store.requestRoom({ ...FOR_BOB, holder: "me" });
    await new Promise((resolve) => setTimeout(resolve, ROOM_REQUEST_TTL_MS + 100));
    expect(await store.takeRoomRequest("you")).toBeNull();
  },
};

function nextMillisecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 3));
}
