import type { Duplex } from "node:stream";
import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type {
  ManagedSandbox,
  OperationOptions,
  SandboxStatus,
  SandboxUsage,
} from "@carrel/backend-protocol";
import { AgentSandbox } from "@carrel/sandbox-agent";
import type { Container } from "dockerode";
import type { Engine } from "../engine/engine.ts";
import { AGENT_PATH, HOME_DIR, WORK_DIR } from "../hardening/places.ts";
import type { Workspaces } from "../workspace/workspaces.ts";
import { ExecStream } from "./demultiplex.ts";
import { readStatistics } from "./statistics.ts";

/** Starting and stopping take as long as the engine's machine is loaded. */
const TRANSITION_TIMEOUT_MS = 60_000;
/** The first process ends at once when it is told to, and everything with it. */
const STOP_SECONDS = 5;
const DISK_USAGE_TIMEOUT_MS = 5000;

export interface DockerSandboxOptions {
  engine: Engine;
  workspaces: Workspaces;
  containerId: string;
  key: string;
  uid: number;
  status: SandboxStatus;
}

/** One container, and the agent in it. */
export class DockerSandbox extends AgentSandbox implements ManagedSandbox {
  readonly key: string;
  readonly #engine: Engine;
  readonly #workspaces: Workspaces;
  readonly #container: Container;
  readonly #uid: number;
  /** What was last known. The engine is asked where it matters. */
  #status: SandboxStatus;
  #transitions: Promise<unknown> = Promise.resolve();

  constructor({ engine, workspaces, containerId, key, uid, status }: DockerSandboxOptions) {
    super({
      id: containerId.slice(0, 12),
      workDir: WORK_DIR,
      open: (signal) => this.#openAgent(signal),
      admit: () => this.#admit(),
    });
    this.key = key;
    this.#engine = engine;
    this.#workspaces = workspaces;
    this.#container = engine.docker.getContainer(containerId);
    this.#uid = uid;
    this.#status = status;
  }

  async status({ signal }: OperationOptions = {}): Promise<SandboxStatus> {
    this.#learn(await this.#ask(signal));
    return this.#status;
  }

  async usage(options: OperationOptions = {}): Promise<SandboxUsage> {
    const status = await this.status(options);
    if (status === "gone") throw this.#refusal("gone");
    // One measurement at once: the engine would else wait for a second one to compare it with.
    const once = { stream: false as const, "one-shot": true };
    const statistics: unknown = await this.#engine.call(
      "tell what a sandbox uses",
      (abortSignal) => this.#container.stats(Object.assign(once, { abortSignal })),
      options,
    );
    const within = { timeoutMs: DISK_USAGE_TIMEOUT_MS, ...options };
    const disk = status === "running" ? await this.diskUsage([WORK_DIR, HOME_DIR], within) : null;
    return { ...readStatistics(statistics), diskBytes: disk?.bytes ?? null, diskLimitBytes: null };
  }

  pause({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async (status) => {
      if (status === "gone" || status === "stopped") throw this.#refusal(status);
      if (status === "paused") return;
      this.suspend();
      await this.#do("pause", (abortSignal) => this.#container.pause({ abortSignal }), signal);
      this.#learn("paused");
    });
  }

  resume({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async (status) => {
      if (status === "gone") throw this.#refusal("gone");
      if (status === "paused") await this.#unpause(signal);
      if (status === "stopped") {
        await this.#do("start", (abortSignal) => this.#container.start({ abortSignal }), signal);
      }
      this.#learn("running");
    });
  }

  stop({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async (status) => {
      if (status === "gone" || status === "stopped") return;
      if (status === "paused") await this.#unpause(signal);
      const stopping = (abortSignal: AbortSignal): Promise<unknown> =>
        this.#container.stop({ t: STOP_SECONDS, abortSignal });
      await this.#do("stop", stopping, signal);
      this.#learn("stopped");
    });
  }

  destroy({ signal }: OperationOptions = {}): Promise<void> {
    return this.#transition(signal, async (status) => {
      if (status === "gone") return;
      await removeContainer(this.#engine, this.#container, signal);
      this.#learn("gone");
      await this.#workspaces.delete(this.key);
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await super[Symbol.asyncDispose]();
  }

  /** Close the connection to the agent; the container runs on. */
  async disconnect(): Promise<void> {
    await super[Symbol.asyncDispose]();
  }

  #admit(): void {
    if (this.#status !== "running") throw this.#refusal(this.#status);
  }

  async #openAgent(signal: AbortSignal): Promise<Duplex> {
    try {
      return await this.#startAgent(signal);
    } catch (error) {
      throwIfAborted(signal);
      // The engine refuses for as many reasons as a container has states: it is asked for the state.
      const status = await this.#ask(signal);
      this.#learn(status);
      throw status === "running" ? error : this.#refusal(status);
    }
  }

  async #startAgent(signal: AbortSignal): Promise<Duplex> {
    const exec = await this.#engine.call(
      "reach into a sandbox",
      (abortSignal) =>
        this.#container.exec({
          Cmd: [AGENT_PATH, "connect"],
          User: `${this.#uid}:${this.#uid}`,
          WorkingDir: WORK_DIR,
          Tty: false,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          abortSignal,
        }),
      { signal },
    );
    const raw = await this.#engine.call(
      "reach into a sandbox",
      () => exec.start({ hijack: true, stdin: true }),
      { signal },
    );
    return new ExecStream(raw);
  }

  async #unpause(signal: AbortSignal | undefined): Promise<void> {
    await this.#do("unpause", (abortSignal) => this.#container.unpause({ abortSignal }), signal);
    this.wake();
  }

  /** A change that somebody else has made meanwhile is as good. */
  async #do(
    verb: string,
    run: (abortSignal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await this.#engine.call(`${verb} a sandbox`, run, {
        timeoutMs: TRANSITION_TIMEOUT_MS,
        signal,
      });
    } catch (error) {
      if (!SandboxError.isInstance(error) || error.code !== "conflict") throw error;
    }
  }

  #transition(
    signal: AbortSignal | undefined,
    change: (status: SandboxStatus) => Promise<void>,
  ): Promise<void> {
    const turn = this.#transitions.then(async () => {
      throwIfAborted(signal);
      const status = await this.#ask(signal);
      this.#learn(status);
      await change(status);
    });
    this.#transitions = turn.catch(() => undefined);
    return turn;
  }

  async #ask(signal: AbortSignal | undefined): Promise<SandboxStatus> {
    if (this.#status === "gone") return "gone";
    try {
      const { State } = await this.#engine.call(
        "look at a sandbox",
        (abortSignal) => this.#container.inspect({ abortSignal }),
        { signal },
      );
      return statusOf(State);
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code === "not-found") return "gone";
      throw error;
    }
  }

  #learn(status: SandboxStatus): void {
    if (status === "paused") this.suspend();
    else this.wake();
    if (status === "stopped" || status === "gone") this.end(this.#refusal(status));
    this.#status = status;
  }

  #refusal(status: SandboxStatus): SandboxError {
    if (status === "gone") {
      return new SandboxError({
        code: "gone",
        message: `The sandbox ${this.id} no longer exists.`,
      });
    }
    return new SandboxError({
      code: "unavailable",
      message: `The sandbox ${this.id} is ${status}; resume it first.`,
    });
  }
}

/** What the engine says of a container, as far as it tells its status. */
export function statusOf(state: {
  Status: string;
  Running: boolean;
  Paused: boolean;
}): SandboxStatus {
  if (state.Paused) return "paused";
  if (state.Status === "removing" || state.Status === "dead") return "gone";
  return state.Running ? "running" : "stopped";
}

/** Remove a container, whatever its state. One that is gone already is as good. */
export async function removeContainer(
  engine: Engine,
  container: Container,
  signal?: AbortSignal,
): Promise<void> {
  try {
    await engine.call(
      "remove a sandbox",
      (abortSignal) => container.remove({ force: true, v: true, abortSignal }),
      { timeoutMs: TRANSITION_TIMEOUT_MS, signal },
    );
  } catch (error) {
    const gone = SandboxError.isInstance(error) && ["not-found", "conflict"].includes(error.code);
    if (!gone) throw error;
  }
}
