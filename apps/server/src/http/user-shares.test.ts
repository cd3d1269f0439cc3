import { MemoryBudget, SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { UserShares } from "./user-shares.ts";

const perUser = { requests: 2, streams: 1, transfers: 1, turns: 1 };

function makeShares(): UserShares {
  const memory = new MemoryBudget({ name: "The server", limitBytes: 4000 });
  const memoryOf = (userId: string | null): MemoryBudget =>
    new MemoryBudget({ name: userId ?? "nobody", limitBytes: 1000, parent: memory });
  return new UserShares({ perUser, memory, memoryOf });
}

describe("the share of a user", () => {
  it("is bounded for each kind, and says what to do", () => {
    const share = makeShares().open({ userId: "alice" });
    share.take("requests");
    const second = share.take("requests");
    expect(() => share.take("requests")).toThrow(
      expect.objectContaining({
        code: "capacity",
        message: expect.stringMatching(/as many requests .*\(2\).*CARREL_MAX_REQUESTS_PER_USER/),
        retryAfterMs: 1000,
      } satisfies Partial<SandboxError>),
    );
    share.take("streams");
    second[Symbol.dispose]();
    second[Symbol.dispose]();
    share.take("requests");
    expect(() => share.take("requests")).toThrow(/as many requests .*\(2\)/);
  });

  it("says whose it is", () => {
    const shares = makeShares();
    for (const [owner, begin] of [
      [{ userId: "alice" }, /^This user has as many turns/],
      [{ userId: null }, /^Callers without a user id, who count as one user, have as many turns/],
      ["unknown", /^Clients that name sessions which do not exist have as many turns/],
    ] as const) {
      shares.open(owner).take("turns");
      expect(() => shares.open(owner).take("turns")).toThrow(begin);
    }
  });

  it("of time is one for all requests of the user", () => {
    const shares = makeShares();
    const [one, same] = [shares.open({ userId: "alice" }), shares.open({ userId: "alice" })];
    expect(same.loop).toBe(one.loop);
    expect(shares.open({ userId: "bob" }).loop).not.toBe(one.loop);
  });

  it("of memory is one user's for all who name sessions that do not exist", () => {
    expect(makeShares().open("unknown").memory.limitBytes).toBe(1000);
  });

  it("is the same in all requests of the user, and apart from that of others", () => {
    const shares = makeShares();
    shares.open({ userId: "alice" }).take("streams");
    expect(() => shares.open({ userId: "alice" }).take("streams")).toThrow(/streams/);
    for (const owner of [
      { userId: "bob" },
      { userId: null },
      "unknown",
      { userId: "nobody" },
    ] as const) {
      shares.open(owner).take("streams");
      expect(() => shares.open(owner).take("streams")).toThrow(/streams/);
    }
  });

  it("is forgotten when the user has nothing any more", () => {
    const shares = makeShares();
    const share = shares.open({ userId: "alice" });
    const turn = share.take("turns");
    share[Symbol.dispose]();
    expect(shares.ownerCount).toBe(1);
    turn[Symbol.dispose]();
    expect(shares.ownerCount).toBe(0);
  });

  it("of memory is a quarter: whoever has more is ended, and nobody else", () => {
    const shares = makeShares();
    const ended: string[] = [];
    const alice = shares.open({ userId: "alice" }).memory.open(() => ended.push("alice"));
    const bob = shares.open({ userId: "bob" }).memory.open(() => ended.push("bob"));
    expect(alice.add(900)).toBe(true);
    expect(bob.add(1001)).toBe(false);
    expect(ended).toEqual(["bob"]);
    expect(shares.memory.usedBytes).toBe(900);
  });
});
