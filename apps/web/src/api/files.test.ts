import { expect, test, vi } from "vitest";
import { listFiles } from "./files.ts";

const NAMES = Array.from({ length: 25_000 }, (_, index) => String(index).padStart(6, "0"));

/** Answers pages as the server does. @returns the queries that were asked */
function stubServer(): URLSearchParams[] {
  const asked: URLSearchParams[] = [];
  vi.stubGlobal("fetch", async (target: string) => {
    const query = new URL(target, "http://localhost").searchParams;
    asked.push(query);
    const limit = Number(query.get("limit"));
    const start = NAMES.indexOf(query.get("after") ?? "") + 1;
    const page = NAMES.slice(start, start + limit);
    return Response.json({
      files: page.map((name) => ({ name })),
      next: page.length < limit ? null : page.at(-1),
    });
  });
  return asked;
}

const { signal } = new AbortController();

test("a directory is read up to the limit, and says that there is more", async () => {
  const asked = stubServer();
  const { entries, isComplete } = await listFiles("ses_1", "a b", { limit: 1000, signal });
  expect(entries.map(({ name }) => name)).toEqual(NAMES.slice(0, 1000));
  expect(isComplete).toBe(false);
  expect(asked.map((query) => Object.fromEntries(query))).toEqual([{ path: "a b", limit: "1000" }]);
});

test("what does not fit on one page is read page by page", async () => {
  const asked = stubServer();
  const { entries, isComplete } = await listFiles("ses_1", ".", { limit: 64_000, signal });
  expect(entries.map(({ name }) => name)).toEqual(NAMES);
  expect(isComplete).toBe(true);
  expect(asked.map((query) => query.get("after"))).toEqual([null, "009999", "019999"]);
});
