import { SandboxError } from "@carrel/backend-protocol";
import type { MemoryBudget, OperationOptions, SandboxProvider } from "@carrel/backend-protocol";
import type { AdmissionLimits } from "./admission-queue.ts";
import { MAX_INTERVAL_MS } from "./background-loop.ts";
import { MemorySessionStore } from "./memory-session-store.ts";
import type { MonotonicClock } from "./monotonic-clock.ts";
import type { SessionProgress } from "./session-info.ts";
import type {
  OpenCeilings,
  ResidentCeilings,
  SessionScope,
  SessionStore,
} from "./session-store.ts";
import { UserBudgets } from "./user-budgets.ts";
import { BACKGROUND_WORK_POLICIES } from "./work-watch.ts";
import type { WorkWatchOptions } from "./work-watch.ts";

const SECOND = 1000;
const MINUTE: number = 60 * SECOND;
const DAY: number = 24 * 60 * MINUTE;

/** Pause between two passes of the clean-up loop: five minutes. */
export const DEFAULT_CLEANUP_INTERVAL_MS: number = 5 * MINUTE;

/**
 * The numbers and policies of a manager. Ceilings count over all managers of a store.
 *
 * What has a limit for all has a share for each user, so that one user never takes everything. Callers
 * without a user id share one share. A share that is not given is the smaller of its default and half of
 * the limit for all.
 */
export interface ManagerSettings
  extends OpenCeilings, ResidentCeilings, AdmissionLimits, WorkWatchOptions {
  /** Sessions that may be open, awake or asleep; one more is `capacity`. @default 10,000 */
  maxOpenSessions: number;
  /**
   * The same, of one user; all sessions without a user id together are those of one. An application that
   * has no user ids raises it, or it has so many sessions in all. @default 200
   */
  maxOpenSessionsPerUser: number;
  /**
   * Sandboxes that may be in memory, running or paused. Where one more is needed the idle one that
   * was unused for longest is stopped, first of users who have more than others; if none is idle,
   * `capacity`. @default 300
   */
  maxResidentSandboxes: number;
  /**
   * The same, of one user; all without a user id together are those of one. Sessions of scope `user` share
   * one sandbox, so that it matters to those of scope `session`. @default 20
   */
  maxResidentSandboxesPerUser: number;
  /**
   * Sandboxes that are made or woken at the same time; further callers wait in a queue, in which users
   * take turns. Half as many are stopped or deleted at the same time for sessions that end. @default 8
   */
  maxConcurrentStarts: number;
  /** The same, of one user, also while nobody else starts one. @default half of `maxConcurrentStarts` */
  maxConcurrentStartsPerUser: number;
  /** Starts that may wait in it; one more is `capacity`. @default 1000 */
  maxQueuedStarts: number;
  /**
   * Starts of one user that may go on or wait; one more is `capacity`. Callers without a user id count
   * as one user. @default 100
   */
  maxStartsPerUser: number;
  /**
   * How long a sandbox must be idle, which is without a call, a running command or a lease, to be
   * frozen in memory, where it can be. Only clean-up looks at it. @default five minutes
   */
  pauseAfterMs: number;
  /** How long it must be idle to be stopped. Only clean-up looks at it. @default half an hour */
  idleTimeoutMs: number;
  /**
   * Whether commands that nobody here waits for, and processes that use the processor, keep a
   * sandbox from being idle. @default "keeps-awake"
   */
  backgroundWork: WorkWatchOptions["backgroundWork"];
  /** For how long since the last call they do. @default one day */
  maxBackgroundWorkMs: number;
  /** How old a session may become: clean-up ends an older one, whether or not it is used. @default Infinity */
  maxLifetimeMs: number;
  /**
   * How long a session must be unused, its sandbox asleep, to be ended as by `endSession`: a
   * workspace that only it had is deleted, files of a user are kept. Only clean-up looks at it.
   * `Infinity`: never. @default seven days
   */
  sessionRetentionMs: number;
  /**
   * How long a user without a session must be away for clean-up to give up what a stopped sandbox
   * takes beside its files, where the provider can do that. @default seven days
   */
  containerRetentionMs: number;
  /** How long a user without a session must be away for clean-up to delete the files. @default Infinity */
  workspaceRetentionMs: number;
  /** How long the store's log of events is kept. @default 30 days */
  eventRetentionMs: number;
  /**
   * How many lines of it are kept: clean-up deletes the oldest beyond. Each takes some hundred bytes, and
   * a user who opens and ends sessions all the time would fill the disk with them. @default 1,000,000
   */
  maxLoggedEvents: number;
  /** Longest time for a sandbox to run, from when it is asked for. @default two minutes */
  startTimeoutMs: number;
  /** Longest time for a sandbox to stop or to be deleted. @default half a minute */
  stopTimeoutMs: number;
  /**
   * How long the store believes that this manager lives without hearing from it; then others may
   * take over its sandboxes. It is heard from three times as often. @default half a minute
   */
  holderTtlMs: number;
  /**
   * How often uses and events are written into the store, and sessions that other managers ended
   * are looked for. @default five seconds
   */
  storeIntervalMs: number;
}

export const DEFAULT_SETTINGS: Readonly<ManagerSettings> = {
  maxOpenSessions: 10_000,
  maxOpenSessionsPerUser: 200,
  maxResidentSandboxes: 300,
  maxResidentSandboxesPerUser: 20,
  maxConcurrentStarts: 8,
  maxConcurrentStartsPerUser: 4,
  maxQueuedStarts: 1000,
  maxStartsPerUser: 100,
  pauseAfterMs: 5 * MINUTE,
  idleTimeoutMs: 30 * MINUTE,
  backgroundWork: "keeps-awake",
  maxBackgroundWorkMs: DAY,
  maxLifetimeMs: Number.POSITIVE_INFINITY,
  sessionRetentionMs: 7 * DAY,
  containerRetentionMs: 7 * DAY,
  workspaceRetentionMs: Number.POSITIVE_INFINITY,
  eventRetentionMs: 30 * DAY,
  maxLoggedEvents: 1_000_000,
  startTimeoutMs: 2 * MINUTE,
  stopTimeoutMs: 30 * SECOND,
  holderTtlMs: 30 * SECOND,
  storeIntervalMs: 5 * SECOND,
};

export interface SessionManagerOptions extends Partial<ManagerSettings> {
  /** Makes the sandboxes. It stays its owner's: `shutdown` does not dispose of it. */
  provider: SandboxProvider;
  /**
   * Where the open sessions are written down. It stays its owner's.
   * @default a {@link MemorySessionStore}
   */
  store?: SessionStore;
  /** What idleness and retention are measured by. @default `performance` */
  clock?: MonotonicClock;
  /**
   * Bounds what this process keeps in memory for all users: output, answers and listings that wait to be
   * read. Each user has a budget within it ({@link SessionManagerOptions.memoryPerUserBytes}).
   * @default one of {@link DEFAULT_MEMORY_BYTES}
   */
  memory?: MemoryBudget;
  /**
   * The part of it that one user may take; callers without a user id share one.
   * @default a quarter of the limit of `memory`
   */
  memoryPerUserBytes?: number;
}

export interface CreateSessionOptions extends OperationOptions {
  /** Whose session it is: 1 to 256 bytes of well-formed UTF-8, no control characters, not starting with `ses_`. */
  userId?: string;
  /** @default `user` where there is a `userId`, otherwise `session` */
  scope?: SessionScope;
  /** Told how far the start of its sandbox has come. */
  onProgress?: (progress: SessionProgress) => void;
}

const COUNTS = [
  "maxOpenSessions",
  "maxOpenSessionsPerUser",
  "maxResidentSandboxes",
  "maxResidentSandboxesPerUser",
  "maxConcurrentStarts",
  "maxConcurrentStartsPerUser",
  "maxQueuedStarts",
  "maxStartsPerUser",
  "maxLoggedEvents",
] as const;

/** Each share, and the limit of which it is a part. */
const SHARES = {
  maxOpenSessionsPerUser: "maxOpenSessions",
  maxResidentSandboxesPerUser: "maxResidentSandboxes",
  maxConcurrentStartsPerUser: "maxConcurrentStarts",
  maxStartsPerUser: "maxQueuedStarts",
} as const;

const AGES = [
  "pauseAfterMs",
  "idleTimeoutMs",
  "maxBackgroundWorkMs",
  "maxLifetimeMs",
  "sessionRetentionMs",
  "containerRetentionMs",
  "workspaceRetentionMs",
  "eventRetentionMs",
] as const;

const TIMERS = ["startTimeoutMs", "stopTimeoutMs", "holderTtlMs", "storeIntervalMs"] as const;

export interface ReadOptions {
  provider: SandboxProvider;
  store: SessionStore;
  clock: MonotonicClock;
  memory: UserBudgets;
  settings: ManagerSettings;
}

/** @throws `invalid-argument` where a number cannot be meant */
export function readOptions({
  provider,
  store = new MemorySessionStore(),
  clock = performance,
  memory,
  memoryPerUserBytes,
  ...given
}: SessionManagerOptions): ReadOptions {
  const numbers = known(given);
  const settings = { ...DEFAULT_SETTINGS, ...numbers };
  for (const share of Object.keys(SHARES) as (keyof typeof SHARES)[]) {
    if (numbers[share] === undefined) settings[share] = defaultShare(share, settings);
  }
  for (const name of COUNTS) assertCount(name, settings[name]);
  for (const name of AGES) assertIdleTime(name, settings[name]);
  for (const name of TIMERS) assertTimer(name, settings[name]);
  assertPolicy(settings.backgroundWork);
  if (memoryPerUserBytes !== undefined) assertCount("memoryPerUserBytes", memoryPerUserBytes);
  const budgets = new UserBudgets({ process: memory, perUserBytes: memoryPerUserBytes });
  return { provider, store, clock, memory: budgets, settings };
}

/** At least one, so that also the smallest installation works. */
function defaultShare(share: keyof typeof SHARES, settings: ManagerSettings): number {
  const half = Math.max(1, Math.floor(settings[SHARES[share]] / 2));
  // Starts at a time have no other default than their half.
  if (share === "maxConcurrentStartsPerUser") return half;
  return Math.min(DEFAULT_SETTINGS[share], half);
}

/** Without those that are `undefined`, as if they were not given. @throws `invalid-argument` for one that is none */
function known(given: Partial<ManagerSettings>): Partial<ManagerSettings> {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(DEFAULT_SETTINGS, name)) continue;
    throw new SandboxError({
      code: "invalid-argument",
      message: `There is no option ${JSON.stringify(name.slice(0, 100))} of a session manager. Its options: provider, store, clock, memory, memoryPerUserBytes, ${Object.keys(DEFAULT_SETTINGS).join(", ")}.`,
    });
  }
  const values = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(values);
}

function assertPolicy(policy: string): void {
  if (BACKGROUND_WORK_POLICIES.some((each) => each === policy)) return;
  throw invalid("backgroundWork", policy, BACKGROUND_WORK_POLICIES.join(" or "));
}

/** `Infinity` is a count too: no ceiling. */
function assertCount(name: string, value: number): void {
  if (value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 1)) return;
  throw invalid(name, value, "a whole number of at least 1, or Infinity");
}

/** @throws `invalid-argument` where it cannot be an idle time; `Infinity` can: never idle */
export function assertIdleTime(name: string, milliseconds: number): void {
  if (milliseconds >= 0) return;
  throw invalid(name, milliseconds, "a number of milliseconds, at least 0");
}

/** @throws `invalid-argument` where a timer could not be set to it */
export function assertTimer(name: string, milliseconds: number): void {
  if (milliseconds >= 1 && milliseconds <= MAX_INTERVAL_MS) return;
  throw invalid(name, milliseconds, `a number of milliseconds, 1 to ${MAX_INTERVAL_MS}`);
}

function invalid(name: string, value: unknown, expected: string): SandboxError {
  return new SandboxError({
    code: "invalid-argument",
    message: `${name} is ${String(value)}; it must be ${expected}.`,
  });
}
