import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import Docker from "dockerode";

const run = promisify(execFile);
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** Sandboxes have none. */
const NO_NETWORK = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-masq=false"];
/** Of tmpfs and overlay mounts under one root, and what shims still hold. */
const CLEAN_UP_ATTEMPTS = 20;

export interface PrivateEngineOptions {
  /** Containers outlive the engine. */
  liveRestore: boolean;
  /** The engine that has the image. */
  imageFrom: string;
  image: string;
}

/** Why there can be none here, or `null`. */
export async function whyNoPrivateEngine(): Promise<string | null> {
  if (process.getuid?.() !== 0) return "it needs root";
  try {
    await run("dockerd", ["--version"]);
    await run("containerd", ["--version"]);
    await run("unshare", ["--net", "true"]);
    return null;
  } catch {
    return "it needs dockerd, containerd and unshare on the PATH, and may unshare a network";
  }
}

/**
 * An engine of one's own, to be killed and restarted, beside that of the machine. Its containerd is
 * a process apart: one that the engine runs would die with it.
 */
export class PrivateEngine implements AsyncDisposable {
  readonly #root: string;
  readonly #liveRestore: boolean;
  #containerd: ChildProcess | null = null;
  #dockerd: ChildProcess | null = null;

  private constructor(root: string, liveRestore: boolean) {
    this.#root = root;
    this.#liveRestore = liveRestore;
  }

  static async start({
    liveRestore,
    imageFrom,
    image,
  }: PrivateEngineOptions): Promise<PrivateEngine> {
    const root = await mkdtemp(join(tmpdir(), "carrel-engine-"));
    const engine = new PrivateEngine(root, liveRestore);
    try {
      await engine.#startContainerd();
      await engine.startDaemon();
      await copyImage(image, imageFrom, engine.socketPath);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  get socketPath(): string {
    return join(this.#root, "docker.sock");
  }

  /** Resolves when it answers. */
  async startDaemon(): Promise<void> {
    const at = (name: string): string => join(this.#root, name);
    const places = {
      "--containerd": at("containerd.sock"),
      "--pidfile": at("docker.pid"),
      "--data-root": at("data"),
      "--exec-root": at("exec"),
      "--host": `unix://${this.socketPath}`,
    };
    const flags = this.#liveRestore ? [...NO_NETWORK, "--live-restore"] : NO_NETWORK;
    // In a network of its own: without a bridge it would remove that of the machine's engine.
    const command = ["--net", "dockerd", ...Object.entries(places).flat(), ...flags];
    this.#dockerd = this.#spawn("unshare", command);
    const docker = new Docker({ socketPath: this.socketPath });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (
      !(await docker.ping().then(
        () => true,
        () => false,
      ))
    ) {
      if (performance.now() > deadline || hasEnded(this.#dockerd)) {
        throw new Error(`The private engine did not start: ${await this.#lastLines()}`);
      }
      await sleep(100);
    }
  }

  /** End the daemon: as a crash does, or as an update does. Resolves when it ended. */
  async stopDaemon(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    await end(this.#dockerd, signal);
    this.#dockerd = null;
    // One that was killed leaves it behind, and the next takes a process of that number for itself.
    await rm(join(this.#root, "docker.pid"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await end(this.#dockerd, "SIGTERM");
    await end(this.#containerd, "SIGTERM");
    await endShims(this.#root);
    await unmountAll(this.#root);
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }

  async #startContainerd(): Promise<void> {
    const configuration = [
      "version = 2",
      `root = "${this.#root}/containerd-data"`,
      `state = "${this.#root}/containerd-state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      "[grpc]",
      `address = "${this.#root}/containerd.sock"`,
    ];
    const file = join(this.#root, "containerd.toml");
    await writeFile(file, `${configuration.join("\n")}\n`);
    this.#containerd = this.#spawn("containerd", ["--config", file]);
    await once(this.#containerd, "spawn");
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(join(this.#root, `${program}.log`), { flags: "a" });
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    child.once("close", () => log.end());
    return child;
  }

  async #lastLines(): Promise<string> {
    const log = await readFile(join(this.#root, "unshare.log"), "utf8").catch(() => "");
    return log.trimEnd().split("\n").slice(-5).join("\n");
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
  if (!child || hasEnded(child)) return;
  const exited = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

async function copyImage(image: string, from: string, to: string): Promise<void> {
  const archive = await new Docker({ socketPath: from }).getImage(image).get();
  const loaded = await new Docker({ socketPath: to }).loadImage(archive);
  loaded.resume();
  await once(loaded, "end");
}

/** Shims outlive their containerd; those of this one name a file under its root. */
async function endShims(root: string): Promise<void> {
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    if (!command.includes("containerd-shim") || !command.includes(`${root}/`)) continue;
    try {
      process.kill(Number(name), "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

async function unmountAll(root: string): Promise<void> {
  for (let attempt = 0; attempt < CLEAN_UP_ATTEMPTS; attempt++) {
    const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(`${root}/`))
      .toReversed();
    if (mounts.length === 0) return;
    for (const path of mounts) await run("umount", ["-l", path]).catch(() => undefined);
  }
}
