import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Asked } from "./ask.ts";
import type { HostileServer } from "./hostile-server.ts";

const PROGRAM = join(
  import.meta.dirname,
  "../../../../packages/sandbox-agent/test-binaries",
  `impersonator-linux-${process.arch === "arm64" ? "arm64" : "amd64"}`,
);
const TAKE_OVER_TIMEOUT_MS = 20_000;

export interface CommandAnswer {
  outcome: string;
  exit_code: number | null;
  stdout: string;
  stderr: string;
}

/** Somebody with a session. */
export class HostileUser {
  readonly #server: HostileServer;
  readonly session: string;

  private constructor(server: HostileServer, session: string) {
    this.#server = server;
    this.session = session;
  }

  /** `null`: without the name of a user. */
  static async open(server: HostileServer, name: string | null): Promise<HostileUser> {
    const query = name === null ? "" : `?user_id=${encodeURIComponent(name)}`;
    const { status, text } = await server.ask(`/sessions${query}`, { method: "POST" });
    if (status !== 200) throw new Error(`no session for ${name}: ${status} ${text}`);
    const { session_id: session } = JSON.parse(text) as { session_id: string };
    return new HostileUser(server, session);
  }

  ask(path: string, asked: Asked = {}): Promise<Answer> {
    return this.#server.ask(`/sessions/${this.session}${path}`, asked);
  }

  async execute(
    command: string,
    { timeoutSeconds = 60, deadlineMs = 90_000 } = {},
  ): Promise<CommandAnswer> {
    const body = { command, timeout_seconds: timeoutSeconds };
    const { status, text } = await this.ask("/execute", { method: "POST", body, deadlineMs });
    if (status !== 200) throw new Error(`${status} ${text}`);
    return JSON.parse(text) as CommandAnswer;
  }

  async put(path: string, body: string | Uint8Array): Promise<void> {
    const to = `/files/content?path=${encodeURIComponent(path)}`;
    const { status, text } = await this.ask(to, { method: "PUT", body });
    if (status !== 200) throw new Error(`${status} ${text}`);
  }

  async putImpersonator(): Promise<void> {
    await this.put("impersonator", await readFile(PROGRAM));
    await this.execute("chmod +x impersonator");
  }

  /**
   * Put a program into the agent's place, with nothing but what the user has: an upload, a command.
   * @param script the program's arguments
   */
  async impersonate(script: string): Promise<void> {
    await this.putImpersonator();
    // It ends the agent under the very command that starts it.
    const start = `(setsid ./impersonator --take-over ${script} > /dev/null 2>&1 &); sleep 5`;
    await this.execute(start, { deadlineMs: 5000 }).catch(() => undefined);
    const endMs = performance.now() + TAKE_OVER_TIMEOUT_MS;
    for (;;) {
      const answer = await this.execute("echo the-real-agent", { deadlineMs: 3000 }).catch(
        () => null,
      );
      if (answer?.stdout !== "the-real-agent\n") return;
      if (performance.now() > endMs) throw new Error("The agent could not be replaced.");
      await sleep(100);
    }
  }

  async end(): Promise<void> {
    await this.ask("", { method: "DELETE" }).catch(() => undefined);
  }
}
