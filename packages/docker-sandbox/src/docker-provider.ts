import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type {
  ManagedSandbox,
  OperationOptions,
  ProviderInfo,
  SandboxProvider,
  SandboxSummary,
} from "@carrel/backend-protocol";
import type { ContainerCreateOptions, ContainerInspectInfo } from "dockerode";
import { connectEngine } from "./engine/engine.ts";
import type { Engine, EngineOptions } from "./engine/engine.ts";
import { LABELS, createBody } from "./hardening/create-body.ts";
import type { ContainerSpec } from "./hardening/create-body.ts";
import { ensureImage } from "./images/ensure-image.ts";
import type { OnProgress } from "./images/sandbox-progress.ts";
import { checkLimits } from "./limits.ts";
import type { SandboxLimits } from "./limits.ts";
import { buildRuntime } from "./runtimes/build-runtime.ts";
import { resolveRuntime } from "./runtimes/resolve-runtime.ts";
import type { RuntimeRecipe } from "./runtimes/runtime-recipe.ts";
import { ensureAgentVolume } from "./sandbox/agent-volume.ts";
import { DockerSandbox, removeContainer, statusOf } from "./sandbox/docker-sandbox.ts";
import { Workspaces, hashKey } from "./workspace/workspaces.ts";

const DEFAULT_IMAGE = "python:3.12-slim";
const DEFAULT_UID = 1000;
/** Enough of a hash that two never meet, in a name that can still be read. */
const NAME_HASH_LENGTH = 32;

export interface DockerProviderOptions {
  /** Absolute path of the directory for all users' files, on the engine's machine, which is this one. */
  workspaceRoot: string;
  engine?: EngineOptions;
  /** What sandboxes run; pulled where the engine does not have it. @default "python:3.12-slim" */
  image?: string;
  /** Name of a built-in runtime, or a recipe; built where the engine does not have it. Instead of `image`. */
  runtime?: string | RuntimeRecipe;
  limits?: SandboxLimits;
  /**
   * `bridge` opens every address that the engine's machine reaches, other sandboxes and the machine
   * itself included. @default "none"
   */
  network?: "none" | "bridge";
  /** Let `apt` and `pip` write to the root, which then lasts as long as the container. @default false */
  persistRoot?: boolean;
  /** `runsc`, `kata`, …: must be registered with the engine. @default the engine's default */
  ociRuntime?: string;
  /** Variables of every sandbox. Never put secrets here: the user's programs read them. */
  environment?: Readonly<Record<string, string>>;
  /** Told of each change while an image is pulled or built. */
  onProgress?: OnProgress;
}

/**
 * Sandboxes as hardened containers. Connects to the engine and makes the image ready, so that a
 * provider that one holds works.
 * @throws `invalid-argument`, `unavailable`, `not-found` (the image), `unsupported`, `timeout`
 */
export async function createDockerProvider(
  options: DockerProviderOptions,
): Promise<SandboxProvider> {
  checkOptions(options);
  const limits = checkLimits(options.limits);
  const uid = sandboxUid();
  const workspaces = await Workspaces.open(options.workspaceRoot, uid);
  const engine = await connectEngine(options.engine);
  try {
    if (engine.remote) throw remoteEngine(engine.host);
    const image = await prepareImage(engine, options);
    const spec: SharedSpec = {
      installationId: await workspaces.installationId(),
      imageId: image.id,
      architecture: engine.info.architecture,
      agentVolume: await ensureAgentVolume(engine, image.id),
      uid,
      limits,
      network: options.network ?? "none",
      persistRoot: options.persistRoot ?? false,
      ociRuntime: options.ociRuntime,
      environment: options.environment ?? {},
    };
    return new DockerProvider(engine, workspaces, spec);
  } catch (error) {
    await engine[Symbol.asyncDispose]();
    throw error;
  }
}

type SharedSpec = Omit<ContainerSpec, "keyHash" | "workspace" | "home">;

class DockerProvider implements SandboxProvider {
  readonly info: ProviderInfo;
  readonly #engine: Engine;
  readonly #workspaces: Workspaces;
  readonly #spec: SharedSpec;
  readonly #connected = new Set<DockerSandbox>();

  constructor(engine: Engine, workspaces: Workspaces, spec: SharedSpec) {
    this.#engine = engine;
    this.#workspaces = workspaces;
    this.#spec = spec;
    const network = spec.network === "none" ? "no network" : "the network of its machine";
    this.info = {
      name: "docker",
      description: `Each sandbox is a container of its own without privileges, with ${network}.`,
      isolation: "container",
    };
  }

  async create(key: string, options: OperationOptions = {}): Promise<ManagedSandbox> {
    const { signal } = options;
    throwIfAborted(signal);
    const keyHash = hashKey(key);
    const { workspace, home } = await this.#workspaces.make(key);
    const body = createBody({ ...this.#spec, keyHash, workspace, home });
    const containerId = await this.#createContainer(key, keyHash, body, signal);
    const sandbox = this.#sandbox(key, containerId, "stopped");
    try {
      await sandbox.resume(options);
    } catch (error) {
      await removeContainer(this.#engine, this.#engine.docker.getContainer(containerId));
      throw error;
    }
    return sandbox;
  }

  async find(key: string, { signal }: OperationOptions = {}): Promise<ManagedSandbox | null> {
    const found = await this.#inspect(key, signal);
    if (!found) return null;
    const status = statusOf(found.State);
    return status === "gone" ? null : this.#sandbox(key, found.Id, status);
  }

  async list({ signal }: OperationOptions = {}): Promise<SandboxSummary[]> {
    const label = [`${LABELS.install}=${this.#spec.installationId}`];
    const containers = await this.#engine.call(
      "list the sandboxes",
      (abortSignal) =>
        this.#engine.docker.listContainers({ all: true, filters: { label }, abortSignal }),
      { signal },
    );
    const summaries: SandboxSummary[] = [];
    for (const { Id, Labels, State } of containers) {
      const key = await this.#workspaces.keyOf(Labels[LABELS.key] ?? "");
      const status = statusOf({
        Status: State,
        Running: State === "running",
        Paused: State === "paused",
      });
      if (key !== null && status !== "gone") summaries.push({ key, id: Id.slice(0, 12), status });
    }
    return summaries;
  }

  async remove(key: string, options: OperationOptions = {}): Promise<boolean> {
    const found = await this.#inspect(key, options.signal);
    if (!found) return this.#workspaces.delete(key);
    await this.#sandbox(key, found.Id, "stopped").destroy(options);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sandbox of this.#connected) await sandbox.disconnect();
    this.#connected.clear();
    await this.#engine[Symbol.asyncDispose]();
  }

  #sandbox(
    key: string,
    containerId: string,
    status: "running" | "paused" | "stopped",
  ): DockerSandbox {
    const { uid } = this.#spec;
    const parts = { engine: this.#engine, workspaces: this.#workspaces, containerId };
    const sandbox = new DockerSandbox({ ...parts, key, uid, status });
    this.#connected.add(sandbox);
    return sandbox;
  }

  /** The container's name is the lock between all who would make it. */
  async #createContainer(
    key: string,
    keyHash: string,
    body: Record<string, unknown>,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const request: ContainerCreateOptions = { ...body, name: this.#name(keyHash) };
    try {
      const { id } = await this.#engine.call(
        "create a sandbox",
        (abortSignal) => this.#engine.docker.createContainer({ ...request, abortSignal }),
        { signal },
      );
      return id;
    } catch (error) {
      if (!SandboxError.isInstance(error) || error.code !== "conflict") throw error;
      await this.#inspect(key, signal);
      throw new SandboxError({
        code: "already-exists",
        message: "A sandbox of this key exists already; find it.",
        cause: error,
      });
    }
  }

  async #inspect(key: string, signal?: AbortSignal): Promise<ContainerInspectInfo | null> {
    const keyHash = hashKey(key);
    const container = this.#engine.docker.getContainer(this.#name(keyHash));
    try {
      const found = await this.#engine.call(
        "look for a sandbox",
        (abortSignal) => container.inspect({ abortSignal }),
        { signal },
      );
      const { [LABELS.install]: install, [LABELS.key]: hash } = found.Config.Labels;
      if (install === this.#spec.installationId && hash === keyHash) return found;
    } catch (error) {
      if (SandboxError.isInstance(error) && error.code === "not-found") return null;
      throw error;
    }
    throw new SandboxError({
      code: "unavailable",
      message: `The engine has another container of the name ${this.#name(keyHash)}; rename or remove that one.`,
    });
  }

  #name(keyHash: string): string {
    const install = this.#spec.installationId.replaceAll("-", "").slice(0, 8);
    return `carrel-${install}-${keyHash.slice(0, NAME_HASH_LENGTH)}`;
  }
}

function prepareImage(
  engine: Engine,
  { image = DEFAULT_IMAGE, runtime, onProgress }: DockerProviderOptions,
): Promise<{ id: string }> {
  if (runtime === undefined) return ensureImage(engine, image, { onProgress });
  return buildRuntime(engine, resolveRuntime(runtime), { onProgress });
}

/** Files belong to whom the sandbox runs as; one who is not root can only give them to himself. */
function sandboxUid(): number {
  const own = process.getuid?.() ?? 0;
  return own === 0 ? DEFAULT_UID : own;
}

function checkOptions({ image, runtime, environment = {} }: DockerProviderOptions): void {
  if (image !== undefined && runtime !== undefined) {
    throw invalid("Give either an image or a runtime, not both.");
  }
  for (const [name, value] of Object.entries(environment)) {
    if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !value.includes("\0")) continue;
    throw invalid(`${JSON.stringify(name)} cannot be a variable of sandboxes.`);
  }
}

function invalid(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}

function remoteEngine(host: string): SandboxError {
  return new SandboxError({
    code: "unsupported",
    message: `The engine at ${host} is on another machine, where workspaceRoot is not; use one on this machine.`,
  });
}
