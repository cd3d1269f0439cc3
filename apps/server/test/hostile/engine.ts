import { request } from "node:http";
import { text } from "node:stream/consumers";

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

/** Remove what a server that was killed has left. */
export async function removeLabelled(folder: string): Promise<void> {
  for (const { Id } of await containersOf(folder)) {
    await call("DELETE", `/containers/${Id}?force=1&v=1`);
  }
}

/** The configuration of one container. */
export async function inspect(id: string): Promise<{ HostConfig: { OomScoreAdj: number } }> {
  const { body } = await call("GET", `/containers/${id}/json`);
  return JSON.parse(body) as { HostConfig: { OomScoreAdj: number } };
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
