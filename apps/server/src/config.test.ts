import { DEFAULT_MEMORY_BYTES } from "@carrel/session-manager";
import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "./config.ts";

function problemsOf(variables: Record<string, string>): string[] {
  try {
    readConfig(variables, "/home/me");
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("the configuration", () => {
  it("needs nothing, and then is a local server with the demo model", () => {
    expect(readConfig({}, "/home/me")).toEqual({
      host: "127.0.0.1",
      port: 8000,
      dataDir: "/home/me/data",
      workspaceRoot: "/home/me/data/workspaces",
      databaseUrl: "/home/me/data/carrel.db",
      databaseIsOwn: true,
      idleTimeoutMs: 1_800_000,
      cleanupIntervalMs: 300_000,
      limits: { memoryBytes: DEFAULT_MEMORY_BYTES },
      http: {
        maxConnections: 1000,
        perUser: { requests: 128, streams: 32, transfers: 32, turns: 32 },
      },
      sandbox: {
        kind: "automatic",
        engineHost: undefined,
        certificates: undefined,
        image: undefined,
        runtime: undefined,
        network: "none",
        warmPool: 0,
      },
      model: { kind: "demo" },
    });
  });

  it("takes limits, and the part of them that one user may have", () => {
    const variables = {
      CARREL_MAX_SESSIONS: "50",
      CARREL_MAX_SESSIONS_PER_USER: "10",
      CARREL_MAX_RUNNING: "6",
      CARREL_MAX_RUNNING_PER_USER: "2",
      CARREL_MAX_STARTS: "4",
      CARREL_MAX_STARTS_PER_USER: "1",
      CARREL_MAX_QUEUED_STARTS: "20",
      CARREL_MAX_QUEUED_STARTS_PER_USER: "5",
      CARREL_MEMORY_MB: "256",
      CARREL_MEMORY_PER_USER_MB: "64",
    };
    expect(readConfig(variables, "/x").limits).toEqual({
      maxOpenSessions: 50,
      maxOpenSessionsPerUser: 10,
      maxResidentSandboxes: 6,
      maxResidentSandboxesPerUser: 2,
      maxConcurrentStarts: 4,
      maxConcurrentStartsPerUser: 1,
      maxQueuedStarts: 20,
      maxStartsPerUser: 5,
      memoryBytes: 256 * 1024 ** 2,
      memoryPerUserBytes: 64 * 1024 ** 2,
    });
  });

  it("refuses limits that are none, and shares above the whole, by the variable's name", () => {
    for (const value of ["0", "-1", "1.5", "many", "Infinity", "10000000"]) {
      expect(problemsOf({ CARREL_MAX_RUNNING_PER_USER: value })).toEqual([
        `CARREL_MAX_RUNNING_PER_USER is "${value}", but must be a whole number, 1 to 1000000.`,
      ]);
    }
    expect(problemsOf({ CARREL_MEMORY_MB: "63" })).toEqual([
      'CARREL_MEMORY_MB is "63", but must be a whole number of MiB, 64 to 1000000.',
    ]);
    expect(
      problemsOf({ CARREL_MAX_RUNNING_PER_USER: "301", CARREL_MEMORY_PER_USER_MB: "513" }),
    ).toEqual([
      expect.stringMatching(
        /^CARREL_MAX_RUNNING_PER_USER is 301, .*CARREL_MAX_RUNNING, which is 300/,
      ),
      expect.stringMatching(/^CARREL_MEMORY_PER_USER_MB is 513, .*CARREL_MEMORY_MB, which is 512/),
    ]);
  });

  it("takes the limits of what a user may have of the server, which are never 0", () => {
    const variables = {
      CARREL_MAX_CONNECTIONS: "50",
      CARREL_MAX_REQUESTS_PER_USER: "1",
      CARREL_MAX_STREAMS_PER_USER: "2",
      CARREL_MAX_TRANSFERS_PER_USER: "3",
      CARREL_MAX_TURNS_PER_USER: "4",
    };
    expect(readConfig(variables, "/x").http).toEqual({
      maxConnections: 50,
      perUser: { requests: 1, streams: 2, transfers: 3, turns: 4 },
    });
    for (const name of Object.keys(variables)) {
      expect(problemsOf({ [name]: "0" })).toEqual([expect.stringMatching(`^${name} .*1 to`)]);
    }
  });

  it("leaves half of the connections to others where a share of them is not set", () => {
    const perUserOf = (connections: string) =>
      readConfig({ CARREL_MAX_CONNECTIONS: connections }, "/x").http.perUser;
    expect(perUserOf("10")).toMatchObject({ requests: 5, streams: 5, transfers: 5 });
    expect(perUserOf("100")).toMatchObject({ requests: 50, streams: 32, transfers: 32 });
    expect(perUserOf("1000")).toMatchObject({ requests: 128, streams: 32, transfers: 32 });
    expect(perUserOf("1")).toMatchObject({ requests: 1, streams: 1, transfers: 1 });
  });

  it("refuses a share of the connections that is more than all of them", () => {
    for (const name of ["REQUESTS", "STREAMS", "TRANSFERS"]) {
      const share = `CARREL_MAX_${name}_PER_USER`;
      expect(problemsOf({ CARREL_MAX_CONNECTIONS: "10", [share]: "11" })).toEqual([
        expect.stringMatching(`^${share} is 11, .*CARREL_MAX_CONNECTIONS, which is 10`),
      ]);
      expect(problemsOf({ CARREL_MAX_CONNECTIONS: "10", [share]: "10" })).toEqual([]);
    }
  });

  it("takes a database of many servers, and repeats nothing of its address", () => {
    const url = "postgres://carrel:canary@db/carrel";
    expect(readConfig({ DATABASE_URL: url }, "/x")).toMatchObject({
      databaseUrl: url,
      databaseIsOwn: false,
    });
    const wrong = (): unknown => readConfig({ DATABASE_URL: "mysql://carrel:canary@db" }, "/x");
    expect(wrong).toThrow(/^DATABASE_URL must begin with postgres:/);
    expect(wrong).not.toThrow(/canary/);
  });

  it("takes the sandbox and all that belongs to it", () => {
    const variables = {
      CARREL_SANDBOX: "docker",
      CARREL_RUNTIME: "coding",
      CARREL_NETWORK: "bridge",
      CARREL_WARM_POOL: "3",
      DOCKER_HOST: "tcp://engine:2376",
      DOCKER_CERT_PATH: "/certificates",
    };
    expect(readConfig(variables, "/x").sandbox).toEqual({
      kind: "docker",
      image: undefined,
      runtime: "coding",
      network: "bridge",
      warmPool: 3,
      engineHost: "tcp://engine:2376",
      certificates: "/certificates",
    });
    expect(problemsOf({ ...variables, CARREL_IMAGE: "x", CARREL_NETWORK: "host" })).not.toEqual([]);
  });

  it("finds the certificates of an engine as the docker command does", () => {
    const certificatesOf = (variables: Record<string, string>): unknown => {
      const { sandbox } = readConfig({ HOME: "/home/me", ...variables }, "/srv");
      return "certificates" in sandbox && sandbox.certificates;
    };
    expect(certificatesOf({})).toBeUndefined();
    expect(certificatesOf({ DOCKER_TLS_VERIFY: "1" })).toBe("/home/me/.docker");
    expect(certificatesOf({ DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "certs" })).toBe(
      "/srv/certs",
    );
  });

  it("asks for nothing but files where sandboxes are embedded", () => {
    const variables = { CARREL_SANDBOX: "embedded", DOCKER_HOST: "tcp://engine:2376" };
    expect(readConfig(variables, "/x").sandbox).toEqual({ kind: "embedded" });
  });

  it("takes an empty variable for one that is not set", () => {
    const empty = { PORT: "", HOST: "", CARREL_DATA_DIR: "", OPENAI_API_KEY: "", CARREL_MODEL: "" };
    expect(readConfig(empty, "/x")).toEqual(readConfig({}, "/x"));
  });

  it("cannot be changed", () => {
    const config = readConfig({}, "/x");
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.model)).toBe(true);
  });

  it("takes paths from the working directory, and workspaces from the data folder", () => {
    const config = readConfig({ CARREL_DATA_DIR: "store" }, "/srv");
    expect(config.workspaceRoot).toBe("/srv/store/workspaces");
    const apart = readConfig({ CARREL_DATA_DIR: "/d", CARREL_WORKSPACE_ROOT: "w" }, "/srv");
    expect(apart).toMatchObject({ dataDir: "/d", workspaceRoot: "/srv/w" });
  });

  it.each([
    ["PORT", "80a"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["HOST", "0.0.0.0"],
    ["HOST", "::"],
    ["HOST", "192.168.1.7"],
    ["CARREL_SANDBOX", "podman"],
    ["CARREL_SANDBOX", "kubernetes"],
    ["CARREL_SANDBOX", "Embedded"],
    ["CARREL_IDLE_TIMEOUT_SECONDS", "0"],
    ["CARREL_IDLE_TIMEOUT_SECONDS", "1.5"],
    ["CARREL_CLEANUP_INTERVAL_SECONDS", "soon"],
    ["OPENAI_BASE_URL", "localhost:11434"],
    ["OPENAI_BASE_URL", "ftp://models"],
  ])("refuses %s=%s by its name", (name, value) => {
    const [problem, ...others] = problemsOf({ [name]: value });
    expect(problem).toMatch(new RegExp(`^${name} `));
    expect(others).toEqual([]);
  });

  it("tells all mistakes at once", () => {
    const problems = problemsOf({ PORT: "x", HOST: "0.0.0.0", CARREL_SANDBOX: "podman" });
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual([
      "PORT",
      "HOST",
      "CARREL_SANDBOX",
    ]);
  });

  it("never repeats a key", () => {
    const problems = problemsOf({
      OPENAI_API_KEY: "sk-secret",
      OPENAI_BASE_URL: "u:sk-secret@x",
      PORT: "x",
    });
    expect(problems.join()).not.toContain("sk-secret");
  });

  it("does not choose a sandbox in production, and does not run there without a login", () => {
    expect(problemsOf({ NODE_ENV: "production" }).map((problem) => problem.split(" ")[0])).toEqual([
      "CARREL_SANDBOX",
      "NODE_ENV",
    ]);
    expect(problemsOf({ NODE_ENV: "production", CARREL_SANDBOX: "embedded" })).toEqual([
      expect.stringMatching(/^NODE_ENV .*login/),
    ]);
    expect(problemsOf({ NODE_ENV: "development", CARREL_SANDBOX: "embedded" })).toEqual([]);
  });
});

describe("the model", () => {
  const key = { OPENAI_API_KEY: "k" };

  it.each([
    [{ ...key }, { kind: "openai", name: "gpt-4o", apiKey: "k" }],
    [
      { ...key, CARREL_MODEL: "openai:gpt-5.1" },
      { kind: "openai", name: "gpt-5.1" },
    ],
    [
      { ...key, CARREL_MODEL: "gpt-5.1" },
      { kind: "openai", name: "gpt-5.1" },
    ],
    [
      { ...key, CARREL_MODEL: "ft:gpt-4o:me::1" },
      { kind: "openai", name: "ft:gpt-4o:me::1" },
    ],
    [
      { OPENAI_BASE_URL: "http://localhost:11434/v1", CARREL_MODEL: "llama3.2:3b" },
      {
        kind: "openai",
        name: "llama3.2:3b",
        apiKey: undefined,
        baseUrl: "http://localhost:11434/v1",
      },
    ],
    [
      { OPENAI_BASE_URL: "http://localhost:1/v1", CARREL_MODEL: "openai:qwen:7b" },
      { kind: "openai", name: "qwen:7b" },
    ],
    [
      { CARREL_MODEL: "anthropic:claude-9" },
      { kind: "other", provider: "anthropic", name: "claude-9" },
    ],
    [{ ...key, CARREL_MODEL: "demo" }, { kind: "demo" }],
  ])("of %j is %j", (variables, model) => {
    expect(readConfig(variables, "/x").model).toMatchObject(model);
  });

  it("of OpenAI is refused without a key and without an address, and does not become the demo", () => {
    expect(problemsOf({ CARREL_MODEL: "openai:gpt-4o" })).toEqual([
      expect.stringMatching(/^CARREL_MODEL .*OPENAI_API_KEY/),
    ]);
  });
});
