import { describe, expect, it } from "vitest";
import { SharedWork } from "./shared-work.ts";
import type { WorkContext } from "./shared-work.ts";

/** Work that is controlled from outside, and counts how often it was begun. */
function controlled() {
  const contexts: WorkContext[] = [];
  const ends: ((result: number) => void)[] = [];
  const start = (context: WorkContext): Promise<number> => {
    contexts.push(context);
    const { promise, resolve } = Promise.withResolvers<number>();
    ends.push(resolve);
    return promise;
  };
  return { contexts, ends, start };
}

describe("Work that several callers want", () => {
  it("is done once, and each hears of its progress", async () => {
    const work = new SharedWork<number>();
    const { contexts, ends, start } = controlled();
    const heard: string[] = [];
    const first = work.join("x", start, { onProgress: (p) => heard.push(`1 ${p.phase}`) });
    contexts[0]?.onProgress({ phase: "creating" });
    const second = work.join("x", start, { onProgress: (p) => heard.push(`2 ${p.phase}`) });
    contexts[0]?.onProgress({ phase: "starting" });
    ends[0]?.(7);
    await expect(Promise.all([first, second])).resolves.toEqual([7, 7]);
    expect(heard).toEqual(["1 creating", "2 creating", "1 starting", "2 starting"]);
    expect(contexts).toHaveLength(1);
  });

  it("is done again when it is over, and for another key", async () => {
    const work = new SharedWork<number>();
    const { contexts, ends, start } = controlled();
    const one = work.join("x", start);
    const other = work.join("y", start);
    for (const end of ends) end(1);
    await Promise.all([one, other]);
    const again = work.join("x", start);
    ends[2]?.(2);
    await expect(again).resolves.toBe(2);
    expect(contexts).toHaveLength(3);
  });

  it("goes on while one caller still wants it, and stops with the last", async () => {
    const work = new SharedWork<number>();
    const { contexts, start } = controlled();
    const [one, other] = [new AbortController(), new AbortController()];
    const first = work.join("x", start, { signal: one.signal });
    const second = work.join("x", start, { signal: other.signal });
    one.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    expect(contexts[0]?.signal.aborted).toBe(false);
    other.abort();
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    expect(contexts[0]?.signal.aborted).toBe(true);
  });

  it("begins anew for a caller who comes after it was stopped", async () => {
    const work = new SharedWork<number>();
    const { contexts, ends, start } = controlled();
    const caller = new AbortController();
    const left = work.join("x", start, { signal: caller.signal });
    caller.abort();
    await expect(left).rejects.toMatchObject({ code: "aborted" });
    const next = work.join("x", start);
    expect(contexts).toHaveLength(2);
    ends[1]?.(3);
    await expect(next).resolves.toBe(3);
  });

  it("is not begun for a caller who has aborted", async () => {
    const { contexts, start } = controlled();
    const joined = new SharedWork<number>().join("x", start, { signal: AbortSignal.abort() });
    await expect(joined).rejects.toMatchObject({ code: "aborted" });
    expect(contexts).toHaveLength(0);
  });

  it("fails for each of them, and can be tried again", async () => {
    const work = new SharedWork<number>();
    const fail = () => Promise.reject(new Error("no"));
    const results = await Promise.allSettled([work.join("x", fail), work.join("x", fail)]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(work.join("x", () => Promise.resolve(1))).resolves.toBe(1);
  });
});
