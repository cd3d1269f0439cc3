import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "./ask.ts";
import type { Answer, Asked } from "./ask.ts";
import { isOnEngine, removeContainersOf } from "./engine.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const START_TIMEOUT_MS = 60_000;
const MAX_LOG_CHARS = 64 * 1024;
const MIB = 1024 * 1024;

const TEST_IMAGE: string = process.env.CARREL_TEST_IMAGE ?? "carrel-test:base";

/** Whether there are containers to attack. In CI there must be. */
export async function engineOrSkip(): Promise<boolean> {
  const there = existsSync("/var/run/docker.sock") && (await isOnEngine(TEST_IMAGE));
  if (!there && process.env.CI) throw new Error(`Tests need Docker with the image ${TEST_IMAGE}.`);
  if (!there) console.warn("Skipped, because it needs Docker.");
  return there;
}

/** The real server, in a process of its own, with sandboxes on Docker. */
export class HostileServer implements AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #log: { text: string };

  private constructor(parts: { child: ChildProcess; log: { text: string }; folder: string }) {
    this.#child = parts.child;
    this.#log = parts.log;
    this.folder = parts.folder;
    this.url = addressIn(parts.log.text) ?? "";
  }

  static async start(variables: Record<string, string> = {}): Promise<HostileServer> {
    const folder = await mkdtemp(join(tmpdir(), "carrel-hostile-"));
    const child = spawn(process.execPath, ["--conditions=@carrel/source", MAIN], {
      env: {
        PATH: process.env.PATH,
        PORT: "0",
        CARREL_DATA_DIR: join(folder, "data"),
        CARREL_SANDBOX: "docker",
        CARREL_IMAGE: TEST_IMAGE,
        ...(process.env.DOCKER_HOST !== undefined && { DOCKER_HOST: process.env.DOCKER_HOST }),
        ...variables,
      },
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = { text: "" };
    const started = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        log.text = (log.text + text).slice(-MAX_LOG_CHARS);
        if (addressIn(log.text) !== null && log.text.includes("Data: ")) started.resolve();
      });
    }
    child.once("close", () => started.reject(new Error(`The server ended:\n${log.text}`)));
    const late = setTimeout(() => started.reject(new Error(log.text)), START_TIMEOUT_MS);
    await started.promise.finally(() => clearTimeout(late));
    return new HostileServer({ child, log, folder });
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get log(): string {
    return this.#log.text;
  }

  /** It has not ended, be it by a fault or for want of memory. */
  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** One request over a connection of its own. */
  ask(path: string, asked: Asked = {}): Promise<Answer> {
    return ask(this.url + path, asked);
  }

  /** The most memory that it had since {@link forgetPeak}, in MiB. */
  async peakMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Math.round((Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024) / MIB);
  }

  /** Let the peak begin at what it has now, in MiB. */
  async forgetPeak(): Promise<number> {
    await writeFile(`/proc/${this.#child.pid}/clear_refs`, "5");
    return this.peakMiB();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.runs) {
      this.#child.kill("SIGTERM");
      await once(this.#child, "close");
    }
    await removeContainersOf(this.folder);
    await rm(this.folder, { recursive: true, force: true });
  }
}

function addressIn(log: string): string | null {
  return /listens on (http:\S+)/.exec(log)?.[1] ?? null;
}
