import { stat } from "node:fs/promises";
import Dockerode from "dockerode";
import { SandboxError } from "@carrel/backend-protocol";
import { readCertificates } from "./certificates.ts";
import { parseEngineAddress } from "./engine-address.ts";
import type { EngineAddress } from "./engine-address.ts";
import { EngineAgent } from "./engine-agent.ts";
import { callEngine } from "./engine-call.ts";
import type { EngineCallOptions } from "./engine-call.ts";
import { askInfo } from "./engine-info.ts";
import type { EngineInfo } from "./engine-info.ts";
import { askVersion } from "./engine-version.ts";
import type { EngineVersion } from "./engine-version.ts";

export interface EngineOptions {
  /**
   * In the forms of `DOCKER_HOST`: `unix:///path`, `tcp://host:port`, `ssh://user@host:port/path`.
   * @default "unix:///var/run/docker.sock"
   */
  host?: string;
  /** Directory with `ca.pem`, `cert.pem` and `key.pem`: `tcp://` is then spoken over TLS. */
  certificates?: string;
  /**
   * Allow `tcp://` without TLS to another machine than this one. Whoever can read or alter that
   * traffic owns the engine's machine. @default false
   */
  allowPlainTcp?: boolean;
  /** For the whole of connecting. @default 30 s */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** A Docker engine that was reached, and the pool of connections to it. */
export interface Engine extends AsyncDisposable {
  /** As it was given, for messages. */
  readonly host: string;
  /** On another machine, so that directories of this one cannot be mounted. */
  readonly remote: boolean;
  /** Speaks `apiVersion`. Its calls belong inside of {@link call}. */
  readonly docker: Dockerode;
  /** Such as "28.1.1". */
  readonly version: string;
  /** Spoken with it, such as "1.49". */
  readonly apiVersion: string;
  /** Versions of its parts by name in lower case, such as `runc` and `containerd`. */
  readonly components: ReadonlyMap<string, string>;
  /** As it was when the engine was connected. */
  readonly info: EngineInfo;
  /** Connections that are open now, handed-out streams included. */
  readonly connectionCount: number;

  /**
   * One call with a deadline and translated errors: see `callEngine`.
   * @param action completes the sentence "Docker could not …"
   * @param run passes `abortSignal` on to dockerode
   */
  call<T>(
    action: string,
    run: (abortSignal: AbortSignal) => Promise<T>,
    options?: EngineCallOptions,
  ): Promise<T>;
}

/**
 * Reaches an engine and agrees with it on the API: Docker 20.10 to 29, and newer ones as long as
 * they speak an older API. Nothing is left open where it fails.
 *
 * @throws `invalid-argument` for an address or certificates that cannot be used
 * @throws `unavailable` with what to do where there is no engine, or none that can be used
 * @throws `timeout` where it does not answer
 */
export async function connectEngine(options: EngineOptions = {}): Promise<Engine> {
  const { certificates: directory, host, allowPlainTcp = false } = options;
  const address = parseEngineAddress({
    ...(host !== undefined && { host }),
    secure: directory !== undefined,
    allowPlainTcp,
  });
  const secure = address.kind === "tcp" && address.secure;
  const certificates =
    secure && directory !== undefined ? await readCertificates(directory) : undefined;
  const agent = new EngineAgent(address, certificates);
  try {
    // Where the deadline passes, what is still asked ends with the agent's connections.
    return await callEngine({ ...options, action: "be reached", host: address.host }, (signal) =>
      openEngine(address, agent, signal),
    );
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    await requireSocket(address);
    throw error;
  }
}

/** The kernel says the same of a socket that nobody listens on and of what is none. */
async function requireSocket(address: EngineAddress): Promise<void> {
  if (address.kind !== "unix") return;
  const found = await stat(address.socketPath).catch(() => null);
  if (found === null || found.isSocket()) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `The engine's address ${address.host} (the option engine.host) is no socket; name that of Docker.`,
  });
}

async function openEngine(
  address: EngineAddress,
  agent: EngineAgent,
  signal: AbortSignal,
): Promise<Engine> {
  const version = await askVersion(agent, address.host, signal);
  const docker = makeClient(agent, version.apiVersion);
  const info = await askInfo(docker);
  return new ConnectedEngine({ address, agent, docker, version, info });
}

/**
 * The agent makes the connections, whatever they run over; for the client it is always a socket.
 * The client would read the environment for what is not said, so that all of it is said.
 */
function makeClient(agent: EngineAgent, apiVersion: string): Dockerode {
  const options: Dockerode.DockerOptions & { agent: EngineAgent } = {
    host: undefined,
    port: undefined,
    username: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
    timeout: undefined,
    protocol: "http",
    socketPath: "/engine",
    version: `v${apiVersion}`,
    agent,
  };
  try {
    return new Dockerode(options);
  } catch (cause) {
    throw new SandboxError({
      code: "invalid-argument",
      message:
        "DOCKER_HOST or DOCKER_CERT_PATH in the environment of this process cannot be read; correct or unset them.",
      cause,
    });
  }
}

interface Connected {
  address: EngineAddress;
  agent: EngineAgent;
  docker: Dockerode;
  version: EngineVersion;
  info: EngineInfo;
}

class ConnectedEngine implements Engine {
  readonly host: string;
  readonly remote: boolean;
  readonly docker: Dockerode;
  readonly version: string;
  readonly apiVersion: string;
  readonly components: ReadonlyMap<string, string>;
  readonly info: EngineInfo;
  readonly #agent: EngineAgent;

  constructor({ address, agent, docker, version, info }: Connected) {
    this.host = address.host;
    this.remote = address.kind !== "unix";
    this.docker = docker;
    this.version = version.version;
    this.apiVersion = version.apiVersion;
    this.components = version.components;
    this.info = info;
    this.#agent = agent;
  }

  get connectionCount(): number {
    return this.#agent.connectionCount;
  }

  call<T>(
    action: string,
    run: (abortSignal: AbortSignal) => Promise<T>,
    options: EngineCallOptions = {},
  ): Promise<T> {
    return callEngine({ ...options, action, host: this.host }, run);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#agent[Symbol.asyncDispose]();
  }
}
