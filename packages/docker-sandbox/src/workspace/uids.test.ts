import { mkdtemp, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReservedUids } from "./uids.ts";

const nobody = (): Promise<number[]> => Promise.resolve([]);
const RANGE = { first: 2_000_000_000, count: 200 };

describe("The uids of an installation", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "carrel-uids-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  it("take: no two get the same, in whatever process, until the range is used up", async () => {
    const [first, second] = [
      await ReservedUids.open(root, RANGE, nobody),
      await ReservedUids.open(root, RANGE, nobody),
    ];
    const takes = Array.from({ length: 200 }, (_, index) => (index % 2 ? first : second).take());
    const uids = await Promise.all(takes);
    expect(new Set(uids).size).toBe(200);
    expect(uids.every((uid) => first.includes(uid))).toBe(true);
    await expect(first.take()).rejects.toMatchObject({ code: "unavailable" });
    await second.free(RANGE.first + 17);
    expect(await first.take()).toBe(RANGE.first + 17);
  });

  it("open: a range is chosen once, away from what other installations use", async () => {
    // All blocks but one.
    const others = Array.from({ length: 255 }, (_, index) => 1_879_048_192 + index * 2 ** 20 + 5);
    const all = await Promise.all(
      Array.from({ length: 8 }, () =>
        ReservedUids.open(root, undefined, () => Promise.resolve(others)),
      ),
    );
    const last = 1_879_048_192 + 255 * 2 ** 20;
    expect(await readFile(join(root, "uid-range"), "utf8")).toBe(`${last} ${2 ** 20}\n`);
    for (const uids of all) expect(uids.includes(last)).toBe(true);
    const again = await ReservedUids.open(root, undefined, () => Promise.resolve([last]));
    expect(again.includes(last)).toBe(true);
    expect(again.includes(2 ** 31 - 1)).toBe(true);
    expect(again.includes(61_000)).toBe(false);
  });

  it("open: says what is wrong with a range that somebody wrote", async () => {
    for (const text of ["", "0 10", "1000 70000", "5 -1", "x"]) {
      await writeFile(join(root, "uid-range"), text);
      await expect(ReservedUids.open(root, undefined, nobody)).rejects.toMatchObject({
        code: "invalid-argument",
      });
    }
  });

  it("sweep: frees what nothing has for an hour, and nothing else", async () => {
    const uids = await ReservedUids.open(root, { ...RANGE, count: 3 }, nobody);
    const [used, left, young] = [await uids.take(), await uids.take(), await uids.take()];
    const longAgo = new Date(Date.now() - 2 * 60 * 60_000);
    for (const uid of [used, left])
      await utimes(join(root, ".uids", String(uid)), longAgo, longAgo);
    await uids.sweep(() => Promise.resolve(new Set([used])));
    expect(await uids.take()).toBe(left);
    await expect(uids.take()).rejects.toMatchObject({ code: "unavailable" });
    expect(uids.includes(young)).toBe(true);
  });
});
