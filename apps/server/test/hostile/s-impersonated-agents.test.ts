import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { describeAttacks } from "./hostile-bench.ts";
import type { HostileBench, HostileCase } from "./hostile-bench.ts";
import { HostileUser } from "./hostile-user.ts";
import { StallingClients, requestText } from "./stalling-client.ts";

const PATIENCE_MS = 3000;
const MANY = 12;
/** Every status that the API has: architecture/http-api.md. */
const STATUSES = [200, 204, 400, 403, 404, 405, 409, 410, 413, 415, 429, 500, 501, 503, 504, 507];

/** Calls to a sandbox whose agent is not itself; what has no end is given up. */
async function useAll(user: HostileUser, times: number): Promise<void> {
  const deadlineMs = PATIENCE_MS;
  const paths = [
    "",
    "/files?path=.",
    "/files/content?path=a",
    "/files/archive?path=.",
    "/messages",
  ];
  const calls = Array.from({ length: times }, () => [
    ...paths.map((path) => user.ask(path, { deadlineMs })),
    user.ask("/execute", { method: "POST", body: { command: "true" }, deadlineMs }),
    user.ask("/files/content?path=b", { method: "PUT", body: "b".repeat(100_000), deadlineMs }),
    user.ask("/files/content?path=c", { method: "DELETE", deadlineMs }),
  ]).flat();
  for (const settled of await Promise.allSettled(calls)) {
    // Given up, or broken off by the server in the middle of a body.
    if (settled.status === "rejected") continue;
    expect(STATUSES).toContain(settled.value.status);
    // A fault of the server's own is none that a user may cause.
    expect(settled.value.status, settled.value.text).not.toBe(500);
  }
}

function impersonated(id: string, about: string, script: string, times = 2): HostileCase {
  return {
    id,
    about,
    async attack({ server }: HostileBench) {
      const user = await HostileUser.open(server, `attacker-${randomUUID()}`);
      await user.impersonate(script);
      await useAll(user, times);
      await user.end();
    },
  };
}

/** A client that reads a little of what an impersonated agent sends without end. */
function unread(id: string, misdeed: string, path: string): HostileCase {
  return {
    id,
    about: `${MANY} clients read 15 bytes of ${misdeed} and then nothing`,
    async attack({ server }: HostileBench) {
      const user = await HostileUser.open(server, `attacker-${randomUUID()}`);
      await user.impersonate(`--misdeed ${misdeed}`);
      using clients = new StallingClients(server.port);
      const send = requestText("GET", `/sessions/${user.session}${path}`);
      for (let count = 0; count < MANY; count++) void clients.stall({ send, read: 15 });
      await sleep(PATIENCE_MS);
      clients[Symbol.dispose]();
      await user.end();
    },
  };
}

describeAttacks("S: a user replaces the agent of their sandbox", [
  impersonated("S1", "output of 1 MB in chunks of one byte", "--misdeed output-tiny-chunks", MANY),
  impersonated("S2", "lists of a million entries", "--misdeed list-million"),
  impersonated("S3", "lists of 100,000 entries", "--misdeed list-full"),
  impersonated("S4", "pongs without end", "--misdeed flood-pong"),
  impersonated("S5", "pings without end, of which no answer is read", "--misdeed ping-unread"),
  impersonated("S6", "connections that break with each call", "--misdeed reconnect-storm"),
  impersonated("S7", "no answer at all", "--misdeed silent-after-hello"),
  impersonated("S8", "random bytes", "--misdeed hello-random"),
  impersonated("S9", "bodies of 4 MiB in chunks of one byte", "--misdeed body-tiny-chunks"),
  impersonated("S10", "results that set what objects inherit", "--misdeed result-prototype"),
  impersonated("S11", "errors with lines for the log", "--misdeed error-control"),
  unread("S12", "endless-archive", "/files/archive?path=."),
  unread("S13", "endless-stream", "/files/content?path=a"),
  unread("S14", "list-full", "/files?path=."),
  impersonated("S15", "by chance, seed 1", "--seed 1"),
  impersonated("S16", "by chance, seed 2", "--seed 2"),
]);
