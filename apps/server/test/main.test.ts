import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "../src/main.ts");
const NO_ENGINE = "unix:///nonexistent/docker.sock";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "carrel-main-"));
});

afterAll(() => rm(folder, { recursive: true }));

class ServerProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  output = "";
  readonly ended: Promise<number | null>;

  constructor(variables: Record<string, string>) {
    this.child = spawn(process.execPath, ["--conditions=@carrel/source", MAIN], {
      env: {
        PATH: process.env["PATH"],
        CARREL_DATA_DIR: join(folder, "data"),
        // An engine of this machine is for the tests in containers.
        DOCKER_HOST: NO_ENGINE,
        ...variables,
      },
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
    this.ended = once(this.child, "close").then(([code]) => code as number | null);
  }

  /** Its address, once it says so. */
  async started(): Promise<string> {
    await expect.poll(() => this.output, { timeout: 25_000 }).toMatch(/Data: /);
    return /listens on (http:\S+)/.exec(this.output)?.[1] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** Some start three servers, one after the other. */
const TIMEOUT_MS = 120_000;

describe("the server's process", { timeout: TIMEOUT_MS }, () => {
  it("says what runs, answers, and ends well on SIGTERM while a turn runs", async () => {
    await using server = new ServerProcess({ PORT: "0" });
    const address = await server.started();
    expect(server.output).toMatch(/^Sandbox: embedded\. .*not a boundary/m);
    expect(server.output).toMatch(/^Why this one: Docker cannot be used: .*docker\.sock/m);
    expect(server.output).toMatch(/Model: demo, which is no AI/);
    expect((await stat(join(folder, "data"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "data/workspaces"))).mode & 0o777).toBe(0o700);

    const created = await fetch(`${address}/sessions`, { method: "POST" });
    const { session_id: session } = (await created.json()) as { session_id: string };
    const chat = await fetch(`${address}/sessions/${session}/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify({ message: "run `echo begun; sleep 60`" }),
    });
    const reader = chat.body!.pipeThrough(new TextDecoderStream()).getReader();
    let events = "";
    while (!events.includes("begun\\n")) events += (await reader.read()).value ?? "";

    const stopping = performance.now();
    server.child.kill("SIGTERM");
    for (let next = await reader.read(); !next.done; next = await reader.read())
      events += next.value;
    expect(events).toMatch(/event: turn-end\ndata: .*"outcome":"cancelled"/);
    expect(await server.ended).toBe(0);
    expect(performance.now() - stopping).toBeLessThan(10_000);
  });

  it("ends well on SIGINT while nothing runs", async () => {
    await using server = new ServerProcess({ PORT: "0" });
    await server.started();
    server.child.kill("SIGINT");
    expect(await server.ended).toBe(0);
  });

  it.each([
    [{ HOST: "0.0.0.0" }, /^HOST .*no login/m],
    [{ CARREL_SANDBOX: "podman" }, /^CARREL_SANDBOX .*docker or embedded/m],
    [{ CARREL_SANDBOX: "docker" }, /^CARREL_SANDBOX is docker.*install and start Docker/m],
    [{ DOCKER_HOST: "tcp://engine:2375" }, /^Docker .*without TLS.*CARREL_SANDBOX=embedded/m],
    [{ CARREL_MODEL: "openai:gpt-4o" }, /^CARREL_MODEL .*OPENAI_API_KEY/m],
    [{ CARREL_MODEL: "anthropic:claude-9" }, /^CARREL_MODEL .*@langchain\/anthropic/m],
    [{ NODE_ENV: "production" }, /^NODE_ENV /m],
  ])("does not start with %j, and says why in one sentence", async (variables, why) => {
    // Where users had files in embedded sandboxes Docker would not be tried.
    const CARREL_DATA_DIR = join(folder, "of nobody");
    await using server = new ServerProcess({ PORT: "0", CARREL_DATA_DIR, ...variables });
    expect(await server.ended).toBe(1);
    expect(server.output).toMatch(why);
    expect(server.output).not.toContain("    at ");
  });

  it("does not start on the data of another server, and starts when that has ended", async () => {
    const first = new ServerProcess({ PORT: "0" });
    await first.started();
    await using second = new ServerProcess({ PORT: "0" });
    expect(await second.ended).toBe(1);
    expect(second.output).toMatch(/CARREL_DATA_DIR .* is used by process \d+/);
    expect(second.output).not.toContain("    at ");
    await first[Symbol.asyncDispose]();
    await using third = new ServerProcess({ PORT: "0" });
    await third.started();
  });

  it("does not start on a port that is taken, and names PORT", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await using server = new ServerProcess({ PORT: String(port) });
    expect(await server.ended).toBe(1);
    expect(server.output).toMatch(/Set PORT/);
    expect(server.output).not.toContain("    at ");
    other.close();
  });
});
