import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { AgentSandbox } from "../../src/agent-sandbox.ts";

const PROGRAM = fileURLToPath(
  new URL(
    `../../test-binaries/impersonator-linux-${process.arch === "arm64" ? "arm64" : "amd64"}`,
    import.meta.url,
  ),
);

/** How the impersonating agent is told what to do. */
export type Script = { misdeed: string } | { seed: number };

/** An agent that somebody in the sandbox has put in the place of the real one. */
export class Impersonator implements AsyncDisposable {
  readonly sandbox: AgentSandbox;
  readonly #script: Script;
  readonly #programs = new Set<ChildProcess>();

  constructor(script: Script) {
    this.#script = script;
    this.sandbox = new AgentSandbox({
      id: "impersonated",
      workDir: "/workspace",
      open: this.#open,
    });
  }

  readonly #open = (): Promise<Duplex> => {
    const args =
      "seed" in this.#script
        ? ["--seed", String(this.#script.seed)]
        : ["--misdeed", this.#script.misdeed];
    const program = spawn(PROGRAM, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#programs.add(program);
    program.once("close", () => this.#programs.delete(program));
    return Promise.resolve(Duplex.from({ readable: program.stdout, writable: program.stdin }));
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox[Symbol.asyncDispose]();
    for (const program of this.#programs) program.kill("SIGKILL");
  }
}

/** What each misdeed is about, by its name. */
export function knownMisdeeds(): ReadonlyMap<string, string> {
  if (!existsSync(PROGRAM)) {
    throw new Error(`${PROGRAM} was not built. Run \`npm test\` once; it builds it.`);
  }
  const { stdout } = spawnSync(PROGRAM, ["--list"], { encoding: "utf8" });
  const listed = JSON.parse(stdout) as { name: string; about: string }[];
  return new Map(listed.map(({ name, about }) => [name, about]));
}
