import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import type { Sandbox } from "../sandbox.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { readUntil } from "./processes-under-test.ts";

/** A server that says its port, then answers each connection with what it got, in upper case. */
const UPPER_CASE_SERVER = `
import socket
server = socket.create_server(("127.0.0.1", 0))
print("port", server.getsockname()[1], "", flush=True)
while True:
    peer, _ = server.accept()
    received = b""
    while chunk := peer.recv(65536):
        received += chunk
    peer.sendall(received.upper())
    peer.close()
`;

async function withServer(sandbox: Sandbox, use: (port: number) => Promise<void>): Promise<void> {
  const server = await sandbox.spawn("python3 -", { stdin: UPPER_CASE_SERVER });
  try {
    const said = await readUntil(server.output[Symbol.asyncIterator](), " \n");
    await use(Number(said.split(" ")[1]));
  } finally {
    await server.kill();
  }
}

export const connectBehaviours: BehaviourGroup = {
  name: "connect",
  requires: "connect",
  behaviours: {
    "reaches a server in the sandbox": ({ sandbox }) =>
      withServer(sandbox, async (port) => {
        for (const said of ["hello", "x".repeat(1_000_000)]) {
          const connection = await sandbox.connect!(port);
          connection.end(said);
          expect(await text(connection)).toBe(said.toUpperCase());
        }
      }),

    "keeps connections apart": ({ sandbox }) =>
      withServer(sandbox, async (port) => {
        const words = ["a", "b", "c", "d"];
        const answers = words.map(async (word) => {
          const connection = await sandbox.connect!(port);
          connection.end(word);
          return text(connection);
        });
        expect(await Promise.all(answers)).toEqual(["A", "B", "C", "D"]);
      }),

    "can be given up": ({ sandbox }) =>
      withServer(sandbox, async (port) => {
        const given = await sandbox.connect!(port);
        given.destroy();
        await once(given, "close");
        const connection = await sandbox.connect!(port);
        connection.end("next");
        expect(await text(connection)).toBe("NEXT");
      }),

    "fails where nothing listens": async ({ sandbox, rejects }) => {
      await rejects(sandbox.connect!(9), "unavailable");
    },

    "refuses what is no port": async ({ sandbox, rejects }) => {
      for (const port of [0, -1, 65_536, 1.5, Number.NaN]) {
        await rejects(sandbox.connect!(port), "invalid-argument");
      }
    },
  },
};
