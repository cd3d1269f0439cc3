import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { embedded } from "./sandbox-kinds.ts";
import type { SandboxKind } from "./sandbox-kinds.ts";

const SERVER_DIR = join(import.meta.dirname, "..");
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;

/** A server in a process of its own, as `npm start` runs it, on a free port. */
export interface RunningServer extends AsyncDisposable {
  url: string;
  /** What it has printed so far. */
  log(): string;
  /** Ask it to end, as a terminal or an init system does; its exit code. */
  stop(): Promise<number | null>;
  /** End it as a crash does: it gets no chance to do anything. */
  kill(): Promise<void>;
}

export interface ServerOptions {
  /** @default a temporary folder, deleted in the end with all that the server left */
  dataDir?: string;
  /** @default embedded */
  kind?: SandboxKind;
}

export async function startServer({
  dataDir,
  kind = embedded,
}: ServerOptions = {}): Promise<RunningServer> {
  const folder = dataDir ?? (await mkdtemp(join(tmpdir(), "carrel-e2e-")));
  const port = await freePort();
  const { child, log } = launch({ PORT: String(port), CARREL_DATA_DIR: folder, ...kind.env });
  const url = `http://127.0.0.1:${port}`;
  const stop = (): Promise<number | null> => end(child);
  await untilHealthy(url, child, log);
  return {
    url,
    log,
    stop,
    async kill() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      if (dataDir !== undefined) return;
      await kind.cleanUp(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function launch(env: Record<string, string>): { child: ChildProcess; log: () => string } {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(process.execPath, ["--conditions=@carrel/source", "src/main.ts"], {
    cwd: SERVER_DIR,
    env: { PATH, HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
  }
  return { child, log: () => printed };
}

async function untilHealthy(url: string, child: ChildProcess, log: () => string): Promise<void> {
  const deadline = AbortSignal.timeout(START_TIMEOUT_MS);
  while (child.exitCode === null && !deadline.aborted) {
    const response = await fetch(`${url}/healthz`).catch(() => null);
    if (response?.ok) return;
    await delay(50);
  }
  await end(child);
  throw new Error(`The server did not start:\n${log()}`);
}

async function end(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
  return child.exitCode;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No free port was found.");
  return address.port;
}
