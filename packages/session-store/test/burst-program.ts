import { openSessionStore } from "../src/index.ts";

/**
 * Opens so many sessions at once, and acquires as many keys, under ceilings that others share.
 * Prints how many of each it was given.
 */
const [url = "", name = "", count = "0", ceiling = "0"] = process.argv.slice(2);
const ceilings = {
  maxOpenSessions: Number(ceiling),
  maxOpenSessionsPerUser: Number.POSITIVE_INFINITY,
  maxResidentSandboxes: Number(ceiling),
  maxResidentSandboxesPerUser: Number.POSITIVE_INFINITY,
};

await using store = await openSessionStore({ url, timeoutMs: 60_000 });
await store.beat(name, 600_000);
const ids = Array.from({ length: Number(count) }, (_, index) => `${name}-${index}`);
const opened = await Promise.all(
  ids.map((id) => store.open({ id, key: id, userId: null, scope: "session" }, ceilings)),
);
const acquired = await Promise.all(
  ids.map((key) => store.acquire({ key, userId: null, holder: name }, ceilings)),
);
console.log(opened.filter(({ outcome }) => outcome === "opened").length);
console.log(acquired.filter(({ outcome }) => outcome === "acquired").length);
