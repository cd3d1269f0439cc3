import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { AgentSandbox } from "../agent-sandbox.ts";
import { findAgentBinary } from "../agent-binary.ts";

/** The real agent on this machine, without any isolation: for tests of what speaks with it. */
export class LocalAgent implements AsyncDisposable {
  readonly directory: string;
  readonly #program: string;
  readonly #socket: string = `carrel-test-${randomUUID()}`;
  readonly #connections: ChildProcess[] = [];

  private constructor(directory: string, program: string) {
    this.directory = directory;
    this.#program = program;
  }

  static async start(): Promise<LocalAgent> {
    const { path } = await findAgentBinary(process.arch === "arm64" ? "arm64" : "amd64");
    return new LocalAgent(await mkdtemp(join(tmpdir(), "carrel-agent-")), path);
  }

  /** A stream to the agent: the first makes the daemon, later ones are passed on to it. */
  open = (): Promise<Duplex> => {
    const child = spawn(this.#program, ["connect", "--socket", this.#socket, this.directory], {
      cwd: "/",
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#connections.push(child);
    return Promise.resolve(Duplex.from({ readable: child.stdout, writable: child.stdin }));
  };

  sandbox(): AgentSandbox {
    return new AgentSandbox({ id: "local", workDir: this.directory, open: this.open });
  }

  /** As `kill -9` by the sandbox's user. */
  async killDaemon(): Promise<void> {
    const [daemon] = this.#connections;
    daemon?.kill("SIGKILL");
    if (daemon && daemon.exitCode === null && daemon.signalCode === null)
      await once(daemon, "exit");
    this.#connections.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#connections) child.kill("SIGKILL");
    await rm(this.directory, { recursive: true, force: true });
  }
}
