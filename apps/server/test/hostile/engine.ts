import { request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** One that is being stopped cannot always be removed at once. */
const REMOVAL_TRIES = 30;
const REMOVAL_PAUSE_MS = 1000;
const SOCKET = "/var/run/docker.sock";

/** What the engine tells of a container, as far as tests look at it. */
export interface Container {
  Id: string;
  Names: string[];
  Labels: Record<string, string>;
  Mounts: { Source?: string; Name?: string }[];
}

export async function isOnEngine(image: string): Promise<boolean> {
  try {
    return (await call("GET", `/images/${encodeURIComponent(image)}/json`)).status === 200;
  } catch {
    // Nobody listens there.
    return false;
  }
}

/** The containers that have something of this folder mounted. */
export async function containersOf(folder: string): Promise<Container[]> {
  const { body } = await call("GET", "/containers/json?all=1");
  const all = JSON.parse(body) as Container[];
  return all.filter(({ Mounts }) => Mounts.some(({ Source = "" }) => Source.startsWith(folder)));
}

/** Remove what a server has left, however busy the engine is. */
export async function removeContainersOf(folder: string): Promise<void> {
  for (let tries = 0; tries < REMOVAL_TRIES; tries++) {
    const left = await containersOf(folder);
    if (left.length === 0) return;
    for (const { Id } of left) await call("DELETE", `/containers/${Id}?force=1&v=1`);
    await sleep(REMOVAL_PAUSE_MS);
  }
  throw new Error(`Containers with mounts of ${folder} could not be removed.`);
}

function call(method: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sending = request({ socketPath: SOCKET, method, path, agent: false }, (incoming) => {
      text(incoming).then((body) => resolve({ status: incoming.statusCode ?? 0, body }), reject);
    });
    sending.on("error", reject);
    sending.end();
  });
}
