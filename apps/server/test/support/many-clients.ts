import { expect } from "vitest";
import { SHORT_PATIENCE } from "./listening-app.ts";
import type { ListeningApp } from "./listening-app.ts";
import type { RawClient } from "./raw-client.ts";

/** Nobody is cut off for being slow before the test is over. */
export const LONG_PATIENCE = {
  ...SHORT_PATIENCE,
  headersMs: 60_000,
  bodyMs: 60_000,
  keepAliveMs: 60_000,
  stallMs: 60_000,
  streamStallMs: 60_000,
};

export async function connectMany(
  app: ListeningApp,
  count: number,
  say: (client: RawClient) => void = () => {},
): Promise<RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index++) {
    // One that had to give way may be gone before it could say anything.
    const client = await app.connect();
    say(client);
    clients.push(client);
  }
  return clients;
}

export function closeAll(clients: readonly RawClient[]): void {
  for (const client of clients) client[Symbol.dispose]();
}

export async function expectServed(app: ListeningApp): Promise<void> {
  using newcomer = await app.send("GET", "/healthz");
  expect(await newcomer.status()).toBe(200);
}
