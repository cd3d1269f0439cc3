import type { WireHealth } from "@carrel/server";
import { client } from "./client.ts";

export async function readHealth(signal: AbortSignal): Promise<WireHealth> {
  const response = await client.healthz.$get({}, { init: { signal } });
  return response.json();
}
