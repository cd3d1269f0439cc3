import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { describeAttacks } from "./hostile-bench.ts";
import type { HostileBench, HostileCase } from "./hostile-bench.ts";
import { HostileUser } from "./hostile-user.ts";
import { StallingClients, requestText } from "./stalling-client.ts";

/** How long clients stay as they are, once all have what they read. */
const STALL_MS = 1500;
/** How long they wait for that. */
const ANSWER_MS = 20_000;
/** How many bytes clients read before they stop. */
const STOPS = [0, 1, 15, 1000];
const CLIENTS_EACH = 10;
const MANY_FILES = "mkdir -p many; cd many; seq 1 99990 | xargs touch";
const CONNECTIONS = 1000;
const BATCH = 20;

async function attacker({ server }: HostileBench): Promise<HostileUser> {
  return HostileUser.open(server, `attacker-${randomUUID()}`);
}

interface Unread {
  id: string;
  about: string;
  /** What makes the answer large. */
  prepare?: string;
  request: (session: string) => string;
}

/** 40 clients that ask the same and stop reading at some byte. */
function unread({ id, about, prepare, request }: Unread): HostileCase {
  return {
    id,
    about: `40 clients stop reading ${about}`,
    async attack(bench) {
      const user = await attacker(bench);
      if (prepare !== undefined) {
        expect((await user.execute(prepare)).outcome).toBe("exited");
      }
      using clients = new StallingClients(bench.server.port);
      const send = request(user.session);
      const stalled = STOPS.flatMap((read) =>
        Array.from({ length: CLIENTS_EACH }, () => clients.stall({ send, read })),
      );
      await Promise.race([Promise.all(stalled), sleep(ANSWER_MS)]);
      await sleep(STALL_MS);
      clients[Symbol.dispose]();
      await user.end();
    },
  };
}

/** Connections that send this and then nothing. */
function unsent(id: string, about: string, send: (session: string) => string): HostileCase {
  return {
    id,
    about: `${CONNECTIONS} connections ${about}`,
    async attack(bench) {
      const user = await attacker(bench);
      using clients = new StallingClients(bench.server.port);
      for (let count = 0; count < CONNECTIONS; count++) {
        void clients.stall({ send: send(user.session), read: 0 });
        // The neighbour is in this process too.
        if (count % BATCH === 0) await sleep(1);
      }
      await sleep(STALL_MS);
      clients[Symbol.dispose]();
      await user.end();
    },
  };
}

const execute = (session: string, command: string): string =>
  requestText("POST", `/sessions/${session}/execute`, { body: JSON.stringify({ command }) });

describeAttacks("T: clients that stop at some byte", [
  unread({
    id: "T1",
    about: "a listing of 99,990 files",
    prepare: MANY_FILES,
    request: (session) => requestText("GET", `/sessions/${session}/files?path=many`),
  }),
  unread({
    id: "T2",
    about: "the answer of a command with 1 MB of output",
    request: (session) => execute(session, "head -c 1000000 /dev/zero | tr '\\0' x"),
  }),
  unread({
    id: "T3",
    about: "a file of 200 MB",
    prepare: "head -c 200000000 /dev/zero > large",
    request: (session) => requestText("GET", `/sessions/${session}/files/content?path=large`),
  }),
  unread({
    id: "T4",
    about: "an archive of 200 MB",
    prepare: "mkdir -p d; head -c 200000000 /dev/zero > d/large",
    request: (session) => requestText("GET", `/sessions/${session}/files/archive?path=d`),
  }),
  unread({
    id: "T5",
    about: "the description of the API",
    request: () => requestText("GET", "/openapi.json"),
  }),
  unread({
    id: "T6",
    about: "the events of a turn",
    request: (session) =>
      requestText("POST", `/sessions/${session}/chat`, {
        body: JSON.stringify({ message: "run `seq 1 200000`" }),
        headers: { Accept: "text/event-stream" },
      }),
  }),
  unread({
    id: "T7",
    about: "200 answers to requests in one write",
    prepare: "mkdir -p s; cd s; seq 1 2000 | xargs touch",
    request: (session) => requestText("GET", `/sessions/${session}/files?path=s`).repeat(200),
  }),
  unread({ id: "T8", about: "metrics", request: () => requestText("GET", "/metrics") }),
  unsent("T9", "send nothing", () => ""),
  unsent("T10", "send half of a header", () => "GET / HTTP/1.1\r\nHost: local"),
  unsent("T11", "send a header without a body", (session) =>
    requestText("POST", `/sessions/${session}/execute`, { headers: { "Content-Length": 1000 } }),
  ),
  unsent("T12", "send half of a body", (session) => execute(session, "true").slice(0, -5)),
  unsent(
    "T13",
    "begin an upload of 256 MiB",
    (session) =>
      `${requestText("PUT", `/sessions/${session}/files/content?path=u`, { headers: { "Content-Length": 256 * 1024 * 1024 } })}${"u".repeat(1000)}`,
  ),
  unsent(
    "T14",
    "begin a chunked body that never ends",
    (session) =>
      `${requestText("PUT", `/sessions/${session}/files/content?path=v`, { headers: { "Transfer-Encoding": "chunked" } })}1\r\nv\r\n`,
  ),
]);
