import { join, resolve } from "node:path";
import { z } from "zod";
import type { HttpLimits } from "./http/http-limits.ts";
import { LIMIT_VARIABLES, httpLimits, limitProblems, limitsConfig } from "./limits-config.ts";
import type { LimitsConfig } from "./limits-config.ts";

/** What the server was told by its environment. Frozen. */
export interface Config {
  host: string;
  port: number;
  /** Absolute. */
  dataDir: string;
  /** Absolute. */
  workspaceRoot: string;
  /** `postgres://…`, or the absolute path of the file of an SQLite database. */
  databaseUrl: string;
  /** It is the file in the data folder, which one server uses at a time. */
  databaseIsOwn: boolean;
  idleTimeoutMs: number;
  cleanupIntervalMs: number;
  limits: LimitsConfig;
  http: HttpLimits;
  sandbox: SandboxConfig;
  model: ModelConfig;
}

export type SandboxConfig =
  | { kind: "embedded" }
  | ({
      /** `automatic`: Docker where it can be had, otherwise embedded. */
      kind: "docker" | "automatic";
    } & DockerConfig);

export interface DockerConfig {
  /** In the forms of `DOCKER_HOST`; the default socket where it is absent. */
  engineHost: string | undefined;
  /** Absolute path of the directory with the certificates for an engine over TLS. */
  certificates: string | undefined;
  /** The default of the Docker sandbox where this and `runtime` are absent. */
  image: string | undefined;
  runtime: string | undefined;
  network: "none" | "bridge";
  /** Sandboxes that are kept ready for whoever comes next. */
  warmPool: number;
}

export type ModelConfig =
  | { kind: "demo" }
  | { kind: "openai"; name: string; apiKey: string | undefined; baseUrl: string | undefined }
  | { kind: "other"; name: string; provider: string };

/** The environment cannot be meant: one line for each mistake, each with the variable's name. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
  }
}

const DEFAULT_MODEL = "gpt-4o";
const LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "::1"];

/** Prefixes that `initChatModel` of langchain knows; anything else before a colon is part of a name. */
const OTHER_PROVIDERS = [
  "anthropic",
  "azure_openai",
  "bedrock",
  "cerebras",
  "cohere",
  "deepseek",
  "fireworks",
  "google",
  "google-genai",
  "google-vertexai",
  "google-vertexai-web",
  "groq",
  "mistral",
  "mistralai",
  "ollama",
  "perplexity",
  "together",
  "xai",
];

const seconds = (fallback: number) =>
  z
    .string()
    .regex(/^[0-9]{1,9}$/, "must be a whole number of seconds")
    .transform(Number)
    .refine((value) => value > 0, "must be more than 0")
    .default(fallback);

const environmentSchema = z.object({
  PORT: z
    .string()
    .regex(/^[0-9]{1,5}$/, "must be a port, 0 to 65535")
    .transform(Number)
    .refine((port) => port <= 65_535, "must be a port, 0 to 65535")
    .default(8000),
  HOST: z
    .string()
    .refine((host) => LOOPBACK_HOSTS.includes(host), {
      error:
        "must be 127.0.0.1, localhost or ::1: this version has no login, so that it must not be reachable from other machines",
    })
    .default("127.0.0.1"),
  CARREL_DATA_DIR: z.string().default("./data"),
  CARREL_WORKSPACE_ROOT: z.string().optional(),
  CARREL_SANDBOX: z
    .enum(["docker", "embedded"], {
      error: "must be docker or embedded: this version has no other kind of sandbox",
    })
    .optional(),
  CARREL_IMAGE: z.string().optional(),
  CARREL_RUNTIME: z.string().optional(),
  CARREL_NETWORK: z.enum(["none", "bridge"], { error: "must be none or bridge" }).default("none"),
  DOCKER_HOST: z.string().optional(),
  DOCKER_CERT_PATH: z.string().optional(),
  DOCKER_TLS_VERIFY: z.string().optional(),
  HOME: z.string().optional(),
  CARREL_IDLE_TIMEOUT_SECONDS: seconds(1800),
  CARREL_CLEANUP_INTERVAL_SECONDS: seconds(300),
  ...LIMIT_VARIABLES,
  CARREL_WARM_POOL: z
    .string()
    .regex(/^[0-9]{1,4}$/, "must be a whole number of sandboxes, 0 to 1000")
    .transform(Number)
    .refine((size) => size <= 1000, "must be a whole number of sandboxes, 0 to 1000")
    .default(0),
  DATABASE_URL: z
    .string()
    .regex(
      /^postgres(?:ql)?:\/\//,
      "must begin with postgres://; without it, an SQLite file is used",
    )
    .optional(),
  CARREL_MODEL: z.string().optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z
    .url({ protocol: /^https?$/, error: "must be an http or https address" })
    .optional(),
  NODE_ENV: z.string().optional(),
});

type Environment = z.output<typeof environmentSchema>;

/**
 * @throws ConfigError with every mistake at once
 */
export function readConfig(variables: NodeJS.ProcessEnv, workingDirectory: string): Config {
  const set = Object.entries(variables).filter(([, value]) => value !== undefined && value !== "");
  const parsed = environmentSchema.safeParse(Object.fromEntries(set));
  const problems = parsed.success
    ? crossProblems(parsed.data)
    : parsed.error.issues.map(({ path, message }) => problem(String(path[0]), message, variables));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const environment = parsed.data;
  const dataDir = resolve(workingDirectory, environment.CARREL_DATA_DIR);
  return Object.freeze({
    host: environment.HOST,
    port: environment.PORT,
    dataDir,
    workspaceRoot: resolve(
      workingDirectory,
      environment.CARREL_WORKSPACE_ROOT ?? `${dataDir}/workspaces`,
    ),
    databaseUrl: environment.DATABASE_URL ?? join(dataDir, "carrel.db"),
    databaseIsOwn: environment.DATABASE_URL === undefined,
    idleTimeoutMs: environment.CARREL_IDLE_TIMEOUT_SECONDS * 1000,
    cleanupIntervalMs: environment.CARREL_CLEANUP_INTERVAL_SECONDS * 1000,
    limits: Object.freeze(limitsConfig(environment)),
    http: Object.freeze(httpLimits(environment)),
    sandbox: Object.freeze(sandboxConfig(environment, workingDirectory)),
    model: Object.freeze(modelConfig(environment)),
  });
}

// Of these variables the value is not repeated: it may hold a secret.
function problem(name: string, message: string, variables: NodeJS.ProcessEnv): string {
  const value =
    name.startsWith("OPENAI_") || name === "DATABASE_URL"
      ? ""
      : `is ${JSON.stringify(variables[name])}, but `;
  return `${name} ${value}${message}.`;
}

function crossProblems(environment: Environment): string[] {
  const problems: string[] = [];
  if (environment.NODE_ENV === "production") {
    if (environment.CARREL_SANDBOX === undefined) {
      problems.push(
        "CARREL_SANDBOX must be set where NODE_ENV is production: the server does not choose a sandbox by itself there.",
      );
    }
    problems.push(
      "NODE_ENV must not be production: this version has no login, and a server in production does not run without one.",
    );
  }
  if (environment.CARREL_IMAGE !== undefined && environment.CARREL_RUNTIME !== undefined) {
    problems.push("CARREL_IMAGE and CARREL_RUNTIME must not both be set: a runtime has an image.");
  }
  problems.push(...limitProblems(environment));
  const { kind } = modelConfig(environment);
  const lacksKey =
    environment.OPENAI_API_KEY === undefined && environment.OPENAI_BASE_URL === undefined;
  if (kind === "openai" && lacksKey) {
    problems.push(
      `CARREL_MODEL is ${environment.CARREL_MODEL}, which needs OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs no key. Without any of the three the demo model answers.`,
    );
  }
  return problems;
}

function sandboxConfig(environment: Environment, workingDirectory: string): SandboxConfig {
  const { CARREL_SANDBOX: kind = "automatic" } = environment;
  if (kind === "embedded") return { kind };
  const certificates = certificatesOf(environment);
  return {
    kind,
    engineHost: environment.DOCKER_HOST,
    certificates: certificates && resolve(workingDirectory, certificates),
    image: environment.CARREL_IMAGE,
    runtime: environment.CARREL_RUNTIME,
    network: environment.CARREL_NETWORK,
    warmPool: environment.CARREL_WARM_POOL,
  };
}

// As the docker command does: DOCKER_TLS_VERIFY, whatever its value, means the user's own directory
// where no other is named.
function certificatesOf(environment: Environment): string | undefined {
  const { DOCKER_CERT_PATH: directory, DOCKER_TLS_VERIFY: verify, HOME: home } = environment;
  return directory ?? (verify && home && join(home, ".docker"));
}

function modelConfig(environment: Environment): ModelConfig {
  const { CARREL_MODEL: model, OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseUrl } = environment;
  if (model === "demo") return { kind: "demo" };
  if (model === undefined && apiKey === undefined && baseUrl === undefined) return { kind: "demo" };
  const [prefix, ...rest] = (model ?? DEFAULT_MODEL).split(":");
  const afterPrefix = rest.join(":");
  if (prefix !== undefined && OTHER_PROVIDERS.includes(prefix) && afterPrefix !== "") {
    return { kind: "other", provider: prefix, name: afterPrefix };
  }
  const name = prefix === "openai" && afterPrefix !== "" ? afterPrefix : (model ?? DEFAULT_MODEL);
  return { kind: "openai", name, apiKey, baseUrl };
}
