import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Connection } from "./connection.ts";
import type { ConnectionState } from "./connection.ts";
import type { Patience } from "./patience.ts";
import { NO_ROOM, answerRefusals, refusalOf, refuse } from "./refusals.ts";

export interface ConnectionsOptions {
  maxConnections: number;
  patience: Patience;
}

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/**
 * Looks after the connections of a server: answers the requests of each one after the other, cuts
 * off clients that do not take their answers, and makes room for new ones when places are scarce.
 */
export function serveConnections(
  server: Server,
  answer: Answer,
  options: ConnectionsOptions,
): void {
  const connections = new Connections(options);
  server.on("connection", (socket) => connections.add(socket));
  server.on("request", (incoming, outgoing) => {
    const connection = connections.of(incoming.socket);
    const refusal = refusalOf(incoming);
    if (connection !== null && refusal !== null) {
      // What has come of its body is dropped, and not kept for a reader.
      incoming.resume();
      if (connection.isBusy) incoming.socket.destroy();
      else refuse(incoming.socket, refusal);
      return;
    }
    void connection?.enter(incoming, outgoing).then((isItsTurn) => {
      if (isItsTurn) answer(incoming, outgoing);
    });
  });
  answerRefusals(server, (socket) => connections.of(socket)?.isAnswering ?? false);
  const check = setInterval(() => connections.closeSlow(), options.patience.checkMs).unref();
  server.once("close", () => clearInterval(check));
}

class Connections {
  readonly #open = new Map<Socket, Connection>();
  readonly #options: ConnectionsOptions;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#options.maxConnections && !this.#makeRoom()) {
      socket.on("error", () => socket.destroy());
      refuse(socket, NO_ROOM);
      return;
    }
    this.#open.set(socket, new Connection(socket, performance.now()));
    socket.once("close", () => this.#open.delete(socket));
  }

  /** Returns `null` for a connection that was refused or had to give way: nothing on it is answered. */
  of(socket: Socket): Connection | null {
    return this.#open.get(socket) ?? null;
  }

  closeSlow(): void {
    const now = performance.now();
    for (const connection of this.#open.values()) {
      if (connection.isTooSlow(now, this.#options.patience)) this.#close(connection);
    }
  }

  #makeRoom(): boolean {
    const now = performance.now();
    let first: Connection | null = null;
    let firstRank: Rank | null = null;
    for (const connection of this.#open.values()) {
      const rank = rankOf(connection.state(now));
      if (rank !== null && (firstRank === null || goesBefore(rank, firstRank))) {
        first = connection;
        firstRank = rank;
      }
    }
    if (first !== null) this.#close(first);
    return first !== null;
  }

  // At once: the event comes later, and the place is needed now.
  #close(connection: Connection): void {
    this.#open.delete(connection.socket);
    connection.socket.destroy();
  }
}

/** Says which connection gives way first: the lower group, and in it the lower order. */
interface Rank {
  group: number;
  order: number;
}

/** Returns `null` for a connection that the server works for: it does not give way. */
function rankOf(state: ConnectionState): Rank | null {
  switch (state.kind) {
    case "idle":
      return { group: 0, order: state.sinceMs };
    case "sending":
      return { group: 1, order: state.bytesPerMs };
    case "not-reading":
      return { group: 2, order: state.sinceMs };
    case "working":
      return null;
  }
}

function goesBefore(one: Rank, other: Rank): boolean {
  return one.group < other.group || (one.group === other.group && one.order < other.order);
}
