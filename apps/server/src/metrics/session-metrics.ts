import type { SessionEvent, SessionManager } from "@carrel/session-manager";
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** Of how long a caller waits: a live sandbox takes microseconds, an image that is pulled minutes. */
const SECONDS = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.025, 0.1, 0.3, 1, 3, 10, 30, 120];

const MS_PER_SECOND = 1000;

/** What a manager does, in the form that Prometheus reads. No label names a user or a session. */
export function sessionMetrics(manager: SessionManager): Registry {
  const register = new Registry();
  const counts = counters(register);
  manager.subscribe((event) => count(counts, event));
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({
      name,
      help,
      registers: [register],
      collect: () => made.set(read()),
    });
  };
  gauge(
    "carrel_sessions_known",
    "Sessions that this server knows, awake or asleep.",
    () => manager.load.knownSessions,
  );
  gauge(
    "carrel_sandboxes_resident",
    "Sandboxes in memory, running or paused.",
    () => manager.load.residentSandboxes,
  );
  gauge(
    "carrel_starts_running",
    "Sandboxes that are made or woken now.",
    () => manager.load.runningStarts,
  );
  gauge(
    "carrel_starts_waiting",
    "Callers whose sandbox waits for its turn to start.",
    () => manager.load.waitingStarts,
  );
  return register;
}

type Counters = ReturnType<typeof counters>;

function counters(register: Registry) {
  const registers = [register];
  return {
    acquired: new Histogram({
      name: "carrel_acquire_seconds",
      help: "How long callers waited for a sandbox, by how they came to it: hit, warm, wake, cold.",
      labelNames: ["path"] as const,
      buckets: SECONDS,
      registers,
    }),
    startFailures: new Counter({
      name: "carrel_start_failures_total",
      help: "Callers that got an error instead of a sandbox, by its code.",
      labelNames: ["code"] as const,
      registers,
    }),
    sessionsEnded: new Counter({
      name: "carrel_sessions_ended_total",
      help: "Sessions that ended, by why.",
      labelNames: ["reason"] as const,
      registers,
    }),
    sessions: new Counter({
      name: "carrel_session_events_total",
      help: "What happened to sessions and their sandboxes: session-opened, session-woken, session-paused, session-slept, sandbox-replaced, stop-failed, store-failed and so on.",
      labelNames: ["event"] as const,
      registers,
    }),
  };
}

function count(counts: Counters, event: SessionEvent): void {
  if (event.type === "acquired") {
    counts.acquired.observe({ path: event.path }, event.durationMs / MS_PER_SECOND);
  } else if (event.type === "start-failed") {
    counts.startFailures.inc({ code: event.code });
  } else if (event.type !== "start-progress") {
    if (event.type === "session-ended") counts.sessionsEnded.inc({ reason: event.reason });
    counts.sessions.inc({ event: event.type });
  }
}
