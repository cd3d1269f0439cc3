import { writeSync } from "node:fs";
import { openSessionStore } from "../src/index.ts";

/** Writes sessions and events without end, and prints the id of each session after it was written. */
const [url = "", name = ""] = process.argv.slice(2);
const NO_CEILINGS = {
  maxOpenSessions: Number.POSITIVE_INFINITY,
  maxOpenSessionsPerUser: Number.POSITIVE_INFINITY,
};

const store = await openSessionStore({ url });
for (let index = 0; ; index++) {
  const id = `${name}-${index}`;
  await store.open({ id, key: name, userId: name, scope: "user" }, NO_CEILINGS);
  writeSync(1, `${id}\n`);
  const events = Array.from({ length: 50 }, () => ({ type: id, sessionId: id, key: name }));
  await store.log(events.map((event) => ({ ...event, detail: { filler: "x".repeat(500) } })));
  await store.touch([{ sessionId: id, agoMs: 0 }]);
}
