import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import type { EngineAddress } from "./engine-address.ts";

export type SshAddress = Extract<EngineAddress, { kind: "ssh" }>;

// Above 1024 where ssh only relays what the far end said last; enough for its own complaints.
const MAX_COMPLAINT_CHARS = 1024;

/**
 * The system's ssh program is used and not a library, because only it knows the operator's
 * `~/.ssh/config`, agents, hardware keys and jump hosts. What could weaken it is set here, so that
 * no configuration turns it on: unknown or changed host keys are refused, nothing is forwarded, and
 * nobody is asked anything.
 */
const SSH_OPTIONS: readonly string[] = [
  "BatchMode=yes",
  "StrictHostKeyChecking=yes",
  "ForwardAgent=no",
  "ForwardX11=no",
  "ClearAllForwardings=yes",
  "PermitLocalCommand=no",
  "ConnectTimeout=15",
  // A connection whose far end vanished ends after a minute instead of never.
  "ServerAliveInterval=15",
  "ServerAliveCountMax=4",
];

/** Arguments of ssh that make its stdin and stdout a connection to the engine over there. */
export function sshArguments(address: SshAddress): string[] {
  const options = SSH_OPTIONS.flatMap((option) => ["-o", option]);
  const port = address.port === undefined ? [] : ["-p", String(address.port)];
  const user = address.user === undefined ? [] : ["-l", address.user];
  const engine = address.socketPath === undefined ? [] : ["--host", `unix://${address.socketPath}`];
  const command = ["docker", ...engine, "system", "dial-stdio"];
  return ["-T", ...options, ...port, ...user, "--", address.hostname, ...command];
}

/** One connection to an engine on another machine: the stdio of `ssh … docker system dial-stdio`. */
export class SshConnection extends Duplex {
  readonly #address: SshAddress;
  readonly #child: ChildProcessWithoutNullStreams;
  #complaint = "";

  constructor(address: SshAddress) {
    super();
    this.#address = address;
    this.#child = spawn("ssh", sshArguments(address), { stdio: "pipe" });
    this.#child.on("error", (cause) => this.destroy(cannotStart(cause)));
    this.#child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) this.#child.stdout.pause();
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT_CHARS);
    });
    // Its end is told by `close`, which knows how it ended.
    this.#child.stdin.on("error", () => undefined);
    this.#child.on("close", (exitCode) => {
      if (exitCode === 0) this.push(null);
      else this.destroy(this.#failed(exitCode));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill("SIGKILL");
    done(error);
  }

  // What node:http expects of a connection that it keeps for the next request.
  ref(): this {
    this.#child.ref();
    for (const pipe of this.#pipes()) pipe.ref();
    return this;
  }

  unref(): this {
    this.#child.unref();
    for (const pipe of this.#pipes()) pipe.unref();
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  #pipes(): Socket[] {
    return this.#child.stdio.filter((pipe) => pipe instanceof Socket);
  }

  #failed(exitCode: number | null): SandboxError {
    const reason = this.#complaint.trim() || `it ended with code ${exitCode ?? "none"}`;
    return new SandboxError({
      code: "unavailable",
      message: `ssh could not reach the engine at ${this.#address.host}; check that "${checkOf(this.#address)}" works without a question.`,
      cause: new Error(reason),
    });
  }
}

/** What a person would type; the program itself is given each part by an option of its own. */
function checkOf({ user, hostname, port }: SshAddress): string {
  const where = user === undefined ? hostname : `${user}@${hostname}`;
  return `ssh ${port === undefined ? "" : `-p ${port} `}${where} docker version`;
}

function cannotStart(cause: Error): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The ssh program cannot be started; install OpenSSH's client, or use another address.",
    cause,
  });
}
