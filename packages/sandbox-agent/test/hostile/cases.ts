/** One misdeed of the impersonating agent, and what callers see besides what always holds. */
export interface HostileCase {
  /** Stays the same: reports and other documents name it. */
  id: string;
  /** What the impersonating agent does; `impersonator --list` says what each one is about. */
  misdeed: string;
  /** How long callers wait before they give up. */
  patienceMs?: number;
  /** How many calls of each kind are made. */
  timesEach?: number;
  /** By the name of a call: the code that it fails with, how its process ended, or `a value`; or one of two. */
  then?: Readonly<Record<string, string>>;
}

export interface HostileGroup {
  name: string;
  /** What holds in all of its cases, besides what always does. */
  holds: string;
  cases: readonly HostileCase[];
}

/** Answers of many MiB come in such a time, also where the machine is busy. */
const LARGE_MS = 5000;

/** The letters before these are those of the attacks on containers. */
export const CASES: readonly HostileGroup[] = [
  {
    name: "I: hello",
    holds: "No connection is made, or an honest one; every call fails with a code or succeeds.",
    cases: [
      { id: "I1", misdeed: "hello-version", then: { stat: "unavailable", execute: "unavailable" } },
      { id: "I2", misdeed: "hello-window-zero", then: { stat: "unavailable" } },
      { id: "I3", misdeed: "hello-window-huge", then: { stat: "unavailable" } },
      { id: "I4", misdeed: "hello-window-negative", then: { stat: "unavailable" } },
      { id: "I5", misdeed: "hello-window-text", then: { stat: "unavailable" } },
      { id: "I6", misdeed: "hello-instance-path", then: { stat: "unavailable" } },
      { id: "I7", misdeed: "hello-instance-object", then: { stat: "unavailable" } },
      { id: "I8", misdeed: "hello-megabyte", then: { stat: "a value" } },
      { id: "I9", misdeed: "hello-over-its-bound", then: { stat: "unavailable" } },
      { id: "I10", misdeed: "hello-nested" },
      { id: "I11", misdeed: "hello-prototype" },
      { id: "I12", misdeed: "hello-no-json", then: { stat: "unavailable" } },
      { id: "I13", misdeed: "hello-twice" },
      { id: "I14", misdeed: "hello-half", then: { stat: "aborted" } },
      { id: "I15", misdeed: "hello-silent", then: { stat: "aborted", execute: "aborted" } },
      { id: "I16", misdeed: "hello-goodbye", then: { stat: "unavailable" } },
      { id: "I17", misdeed: "hello-random", then: { stat: "unavailable" } },
      { id: "I18", misdeed: "hello-then-close" },
      { id: "I19", misdeed: "hello-byte-by-byte" },
    ],
  },
  {
    name: "J: frames that no agent sends",
    holds: "The connection ends, or what is not understood is passed over.",
    cases: [
      { id: "J1", misdeed: "length-zero", then: { stat: "unavailable", execute: "unavailable" } },
      { id: "J2", misdeed: "length-huge", then: { stat: "unavailable" } },
      { id: "J3", misdeed: "length-short", then: { stat: "unavailable" } },
      { id: "J4", misdeed: "type-unknown", then: { stat: "unavailable" } },
      { id: "J5", misdeed: "type-reserved", then: { stat: "unavailable" } },
      { id: "J6", misdeed: "client-only-frames" },
      { id: "J7", misdeed: "data-empty", then: { stat: "unavailable" } },
      { id: "J8", misdeed: "window-zero" },
      { id: "J9", misdeed: "window-overflow" },
      { id: "J10", misdeed: "window-overrun", then: { stat: "unavailable", read: "unavailable" } },
      { id: "J11", misdeed: "stream-zero" },
      { id: "J12", misdeed: "stream-of-another" },
      { id: "J13", misdeed: "result-twice" },
      { id: "J14", misdeed: "data-after-result" },
      { id: "J15", misdeed: "result-before-start" },
      { id: "J16", misdeed: "event-unawaited", then: { stat: "unavailable" } },
      { id: "J17", misdeed: "body-unawaited", then: { ls: "unavailable" } },
      { id: "J18", misdeed: "result-no-json", then: { stat: "unavailable" } },
      { id: "J19", misdeed: "result-megabyte" },
      { id: "J20", misdeed: "result-nested", then: { stat: "unavailable" } },
      { id: "J21", misdeed: "result-prototype" },
      { id: "J22", misdeed: "result-no-object", then: { stat: "unavailable" } },
      { id: "J23", misdeed: "cut-half-frame", then: { stat: "unavailable" } },
      {
        id: "J24",
        misdeed: "byte-by-byte",
        then: { stat: "a value", ls: "a value", execute: "exited" },
      },
    ],
  },
  {
    name: "K: failures that no agent has",
    holds:
      "Callers see a code of the closed list and a bounded message; no sandbox counts as gone.",
    cases: [
      { id: "K1", misdeed: "error-gone", then: { stat: "unavailable", execute: "unavailable" } },
      { id: "K2", misdeed: "error-unknown", then: { stat: "unavailable" } },
      { id: "K3", misdeed: "error-megabyte", then: { stat: "conflict" } },
      { id: "K4", misdeed: "error-control", then: { stat: "conflict" } },
      { id: "K5", misdeed: "error-no-object", then: { stat: "unavailable" } },
      { id: "K6", misdeed: "goodbye-mid-call", then: { stat: "unavailable" } },
    ],
  },
  {
    name: "L: floods",
    holds: "What is not read waits in the sandbox; memory and the event loop are bounded.",
    cases: [
      { id: "L1", misdeed: "flood-pong" },
      { id: "L2", misdeed: "flood-ping" },
      { id: "L3", misdeed: "flood-window" },
      { id: "L4", misdeed: "flood-window-stray" },
      { id: "L5", misdeed: "flood-stray-data" },
      { id: "L6", misdeed: "flood-stray-event" },
      { id: "L7", misdeed: "flood-stray-result" },
      { id: "L8", misdeed: "ping-unread" },
      { id: "L9", misdeed: "flood-watch-events" },
      { id: "L10", misdeed: "flood-watch-huge-events" },
      { id: "L11", misdeed: "output-tiny-chunks", patienceMs: LARGE_MS, timesEach: 4 },
      { id: "L12", misdeed: "output-tiny-chunks-unended", patienceMs: LARGE_MS, timesEach: 4 },
      { id: "L13", misdeed: "output-flood" },
      { id: "L14", misdeed: "body-tiny-chunks", patienceMs: LARGE_MS },
      { id: "L15", misdeed: "list-tiny-chunks", patienceMs: LARGE_MS },
      { id: "L16", misdeed: "flood-terminal" },
      { id: "L17", misdeed: "flood-terminal-tiny" },
      { id: "L18", misdeed: "flood-connect" },
      { id: "L19", misdeed: "reconnect-storm" },
    ],
  },
  {
    name: "M: sizes and ends",
    holds: "What has no end is refused at its bound; streams give what their reader takes.",
    cases: [
      { id: "M1", misdeed: "endless-read" },
      { id: "M2", misdeed: "endless-stream" },
      { id: "M3", misdeed: "endless-archive" },
      { id: "M4", misdeed: "endless-list", patienceMs: LARGE_MS },
      { id: "M5", misdeed: "endless-element", patienceMs: LARGE_MS, then: { ls: "unavailable" } },
      { id: "M6", misdeed: "body-over-limit", patienceMs: LARGE_MS, then: { read: "unavailable" } },
      { id: "M7", misdeed: "found-nothing-with-body" },
      { id: "M8", misdeed: "one-huge-line", then: { readLines: "unavailable" } },
      { id: "M9", misdeed: "only-line-breaks", then: { readLines: "unavailable" } },
    ],
  },
  {
    name: "N: lies in results",
    holds: "A result that cannot be is `unavailable`, never passed on.",
    cases: [
      { id: "N1", misdeed: "lie-stat-negative", then: { stat: "unavailable" } },
      { id: "N2", misdeed: "lie-stat-huge", then: { stat: "unavailable" } },
      { id: "N3", misdeed: "lie-stat-path", then: { stat: "unavailable" } },
      { id: "N4", misdeed: "lie-stat-type", then: { stat: "unavailable" } },
      { id: "N5", misdeed: "lie-lines", then: { readLines: "unavailable" } },
      { id: "N6", misdeed: "lie-write", then: { write: "unavailable", edit: "unavailable" } },
      { id: "N7", misdeed: "lie-usage" },
      {
        id: "N8",
        misdeed: "lie-truncated",
        then: { glob: "unavailable", grep: "unavailable", remove: "unavailable" },
      },
    ],
  },
  {
    name: "O: lists",
    holds: "A list is right in each element, or refused at its first wrong one.",
    cases: [
      { id: "O1", misdeed: "list-full", patienceMs: LARGE_MS },
      { id: "O2", misdeed: "list-over", patienceMs: LARGE_MS, then: { ls: "unavailable" } },
      { id: "O3", misdeed: "list-million", patienceMs: LARGE_MS, then: { ls: "unavailable" } },
      { id: "O4", misdeed: "list-long-names", patienceMs: LARGE_MS },
      { id: "O5", misdeed: "list-huge-name", then: { ls: "unavailable" } },
      { id: "O6", misdeed: "list-duplicates" },
      { id: "O7", misdeed: "list-disorder" },
      { id: "O8", misdeed: "list-elsewhere", then: { ls: "unavailable" } },
      {
        id: "O9",
        misdeed: "list-no-objects",
        then: { ls: "unavailable", processes: "unavailable" },
      },
      { id: "O10", misdeed: "list-wrong-fields", then: { ls: "unavailable" } },
      { id: "O11", misdeed: "list-nested", then: { ls: "unavailable" } },
      { id: "O12", misdeed: "list-many-fields" },
      { id: "O13", misdeed: "list-prototype" },
      { id: "O14", misdeed: "list-surrogates", then: { ls: "unavailable" } },
      { id: "O15", misdeed: "list-unclosed", then: { ls: "unavailable" } },
      { id: "O16", misdeed: "list-spaces", patienceMs: LARGE_MS, then: { ls: "unavailable" } },
      { id: "O17", misdeed: "list-empty-elements", then: { ls: "unavailable" } },
      { id: "O18", misdeed: "processes-huge-commands" },
    ],
  },
  {
    name: "P: output and ends of processes",
    holds: "The end of a process is true as far as it was told, or `lost`.",
    cases: [
      { id: "P1", misdeed: "sequence-back", then: { execute: "lost" } },
      { id: "P2", misdeed: "sequence-same", then: { execute: "lost" } },
      { id: "P3", misdeed: "sequence-jump", then: { execute: "exited" } },
      { id: "P4", misdeed: "sequence-zero", then: { execute: "lost" } },
      { id: "P5", misdeed: "channel-unknown", then: { execute: "lost" } },
      { id: "P6", misdeed: "chunk-headless", then: { execute: "lost" } },
      { id: "P7", misdeed: "output-event", then: { execute: "lost" } },
      { id: "P8", misdeed: "output-objects", then: { execute: "exited" } },
      { id: "P9", misdeed: "output-no-text", then: { execute: "exited" } },
      { id: "P10", misdeed: "exit-code-out-of-range", then: { execute: "lost" } },
      { id: "P11", misdeed: "exit-code-missing", then: { execute: "lost" } },
      { id: "P12", misdeed: "exit-code-amiss", then: { execute: "lost" } },
      { id: "P13", misdeed: "outcome-unknown", then: { execute: "lost" } },
      { id: "P14", misdeed: "duration-huge", then: { execute: "lost" } },
      { id: "P15", misdeed: "signal-text", then: { execute: "lost" } },
      { id: "P16", misdeed: "started-id", then: { execute: "unavailable" } },
      { id: "P17", misdeed: "started-id-huge", then: { execute: "unavailable" } },
      { id: "P18", misdeed: "started-time", then: { execute: "unavailable" } },
      { id: "P19", misdeed: "never-ends" },
      { id: "P20", misdeed: "kill-unanswered" },
      { id: "P21", misdeed: "kill-fails" },
      { id: "P22", misdeed: "instance-changes", then: { execute: "lost or unavailable" } },
    ],
  },
  {
    name: "Q: silence",
    holds: "Callers who give up are let go; nobody waits for ever.",
    cases: [
      { id: "Q1", misdeed: "silent-after-hello", then: { stat: "aborted", execute: "aborted" } },
      { id: "Q2", misdeed: "silent-without-pongs", then: { stat: "aborted" } },
      { id: "Q3", misdeed: "reads-never", then: { stat: "aborted" } },
      { id: "Q4", misdeed: "reads-slowly" },
      { id: "Q5", misdeed: "writes-slowly" },
      { id: "Q6", misdeed: "begins-then-silent", then: { stat: "aborted" } },
      { id: "Q7", misdeed: "half-an-answer" },
      { id: "Q8", misdeed: "window-as-life", then: { stat: "aborted" } },
      { id: "Q9", misdeed: "byte-as-life" },
    ],
  },
];
