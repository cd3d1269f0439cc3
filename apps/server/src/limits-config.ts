import { DEFAULT_MEMORY_BYTES, DEFAULT_SETTINGS } from "@carrel/session-manager";
import type { ManagerSettings } from "@carrel/session-manager";
import { z } from "zod";
import {
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_REQUESTS_PER_USER,
  DEFAULT_MAX_STREAMS_PER_USER,
  DEFAULT_MAX_TRANSFERS_PER_USER,
  DEFAULT_MAX_TURNS_PER_USER,
} from "./http/http-limits.ts";
import type { HttpLimits } from "./http/http-limits.ts";

const MEBIBYTE = 1024 ** 2;
/** More than anybody has, and small enough that a slip of the keyboard is noticed. */
const MAX_COUNT = 1_000_000;
/** Less would end calls of honest users: one answer may take some ten. */
const MIN_MEMORY_MB = 64;
const MAX_MEMORY_MB = 1_000_000;

/** How much there may be of everything, and how much of it one user may have. What is absent is the session manager's default. */
export interface LimitsConfig extends Partial<
  Pick<ManagerSettings, keyof typeof VARIABLES & keyof ManagerSettings>
> {
  /** What the server keeps in memory for all users. */
  memoryBytes: number;
  /** For one of them. */
  memoryPerUserBytes?: number;
}

const VARIABLES = {
  maxOpenSessions: "CARREL_MAX_SESSIONS",
  maxOpenSessionsPerUser: "CARREL_MAX_SESSIONS_PER_USER",
  maxResidentSandboxes: "CARREL_MAX_RUNNING",
  maxResidentSandboxesPerUser: "CARREL_MAX_RUNNING_PER_USER",
  maxConcurrentStarts: "CARREL_MAX_STARTS",
  maxConcurrentStartsPerUser: "CARREL_MAX_STARTS_PER_USER",
  maxQueuedStarts: "CARREL_MAX_QUEUED_STARTS",
  maxStartsPerUser: "CARREL_MAX_QUEUED_STARTS_PER_USER",
} as const;

/** The operator's variable for each option that an error may name as its `setting`. */
export const VARIABLE_OF_SETTING: Readonly<Record<string, string>> = {
  ...VARIABLES,
  memoryPerUserBytes: "CARREL_MEMORY_PER_USER_MB",
};

const count = z
  .string()
  .regex(/^[0-9]{1,7}$/, `must be a whole number, 1 to ${MAX_COUNT}`)
  .transform(Number)
  .refine((value) => value >= 1 && value <= MAX_COUNT, `must be a whole number, 1 to ${MAX_COUNT}`)
  .optional();

const MEMORY_RANGE = `must be a whole number of MiB, ${MIN_MEMORY_MB} to ${MAX_MEMORY_MB}`;
const mebibytes = z
  .string()
  .regex(/^[0-9]{1,7}$/, MEMORY_RANGE)
  .transform(Number)
  .refine((value) => value >= MIN_MEMORY_MB && value <= MAX_MEMORY_MB, MEMORY_RANGE)
  .optional();

/** The variables of the environment that set limits. */
export const LIMIT_VARIABLES = {
  CARREL_MAX_SESSIONS: count,
  CARREL_MAX_SESSIONS_PER_USER: count,
  CARREL_MAX_RUNNING: count,
  CARREL_MAX_RUNNING_PER_USER: count,
  CARREL_MAX_STARTS: count,
  CARREL_MAX_STARTS_PER_USER: count,
  CARREL_MAX_QUEUED_STARTS: count,
  CARREL_MAX_QUEUED_STARTS_PER_USER: count,
  CARREL_MAX_CONNECTIONS: count,
  CARREL_MAX_REQUESTS_PER_USER: count,
  CARREL_MAX_STREAMS_PER_USER: count,
  CARREL_MAX_TRANSFERS_PER_USER: count,
  CARREL_MAX_TURNS_PER_USER: count,
  CARREL_MEMORY_MB: mebibytes,
  CARREL_MEMORY_PER_USER_MB: mebibytes,
};

export type LimitVariables = {
  [Name in keyof typeof LIMIT_VARIABLES]?: number | undefined;
};

/** One user's share and what all users have together. */
const SHARES = [
  ["CARREL_MAX_SESSIONS_PER_USER", "CARREL_MAX_SESSIONS", DEFAULT_SETTINGS.maxOpenSessions],
  ["CARREL_MAX_RUNNING_PER_USER", "CARREL_MAX_RUNNING", DEFAULT_SETTINGS.maxResidentSandboxes],
  ["CARREL_MAX_STARTS_PER_USER", "CARREL_MAX_STARTS", DEFAULT_SETTINGS.maxConcurrentStarts],
  [
    "CARREL_MAX_QUEUED_STARTS_PER_USER",
    "CARREL_MAX_QUEUED_STARTS",
    DEFAULT_SETTINGS.maxQueuedStarts,
  ],
  // Each of these holds a connection.
  ["CARREL_MAX_REQUESTS_PER_USER", "CARREL_MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS],
  ["CARREL_MAX_STREAMS_PER_USER", "CARREL_MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS],
  ["CARREL_MAX_TRANSFERS_PER_USER", "CARREL_MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS],
  ["CARREL_MEMORY_PER_USER_MB", "CARREL_MEMORY_MB", DEFAULT_MEMORY_BYTES / MEBIBYTE],
] as const;

/** One line for each share that is more than the whole. */
export function limitProblems(variables: LimitVariables): string[] {
  return SHARES.flatMap(([share, whole, fallback]) => {
    const [ofUser, ofAll] = [variables[share], variables[whole] ?? fallback];
    if (ofUser === undefined || ofUser <= ofAll) return [];
    return [
      `${share} is ${ofUser}, but must not be more than ${whole}, which is ${ofAll}: it is the part of it that one user may have.`,
    ];
  });
}

export function limitsConfig(variables: LimitVariables): LimitsConfig {
  const { CARREL_MEMORY_MB: memory, CARREL_MEMORY_PER_USER_MB: perUser } = variables;
  const settings = Object.entries(VARIABLES).flatMap(([name, variable]) => {
    const value = variables[variable];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(settings),
    memoryBytes: memory === undefined ? DEFAULT_MEMORY_BYTES : memory * MEBIBYTE,
    ...(perUser !== undefined && { memoryPerUserBytes: perUser * MEBIBYTE }),
  };
}

/** A share of the connections that is not set is at most half of them, so that one user never holds them all. */
export function httpLimits(variables: LimitVariables): HttpLimits {
  const maxConnections = variables.CARREL_MAX_CONNECTIONS ?? DEFAULT_MAX_CONNECTIONS;
  // At least one, so that a server with one connection works.
  const half = Math.max(1, Math.floor(maxConnections / 2));
  const orHalf = (fallback: number): number => Math.min(fallback, half);
  return {
    maxConnections,
    perUser: Object.freeze({
      requests: variables.CARREL_MAX_REQUESTS_PER_USER ?? orHalf(DEFAULT_MAX_REQUESTS_PER_USER),
      streams: variables.CARREL_MAX_STREAMS_PER_USER ?? orHalf(DEFAULT_MAX_STREAMS_PER_USER),
      transfers: variables.CARREL_MAX_TRANSFERS_PER_USER ?? orHalf(DEFAULT_MAX_TRANSFERS_PER_USER),
      turns: variables.CARREL_MAX_TURNS_PER_USER ?? DEFAULT_MAX_TURNS_PER_USER,
    }),
  };
}
