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
  callers?: Readonly<Record<string, string>>;
}

export interface HostileGroup {
  name: string;
  /** What holds in all of its cases, besides what always does. */
  holds: string;
  cases: readonly HostileCase[];
}

/** So many chunks come in such a time, also where the machine is busy. */
const LARGE_MS = 5000;

/** The letters before these are those of the attacks on containers. */
export const CASES: readonly HostileGroup[] = [
  {
    name: "I: hello",
    holds: "No connection is made, or an honest one; every call fails with a code or succeeds.",
    cases: [
      {
        id: "I1",
        misdeed: "hello-version",
        callers: { stat: "unavailable", execute: "unavailable" },
      },
      { id: "I2", misdeed: "hello-window-zero", callers: { stat: "unavailable" } },
      { id: "I3", misdeed: "hello-window-huge", callers: { stat: "unavailable" } },
      { id: "I4", misdeed: "hello-window-negative", callers: { stat: "unavailable" } },
      { id: "I5", misdeed: "hello-window-text", callers: { stat: "unavailable" } },
      { id: "I6", misdeed: "hello-instance-path", callers: { stat: "unavailable" } },
      { id: "I7", misdeed: "hello-instance-object", callers: { stat: "unavailable" } },
      { id: "I8", misdeed: "hello-megabyte", callers: { stat: "a value" } },
      { id: "I9", misdeed: "hello-over-its-bound", callers: { stat: "unavailable" } },
      { id: "I10", misdeed: "hello-nested" },
      { id: "I11", misdeed: "hello-prototype" },
      { id: "I12", misdeed: "hello-no-json", callers: { stat: "unavailable" } },
      { id: "I13", misdeed: "hello-twice" },
      { id: "I14", misdeed: "hello-half", callers: { stat: "aborted" } },
      { id: "I15", misdeed: "hello-silent", callers: { stat: "aborted", execute: "aborted" } },
      { id: "I16", misdeed: "hello-goodbye", callers: { stat: "unavailable" } },
      { id: "I17", misdeed: "hello-random", callers: { stat: "unavailable" } },
      { id: "I18", misdeed: "hello-then-close" },
      { id: "I19", misdeed: "hello-byte-by-byte" },
    ],
  },
  {
    name: "J: frames that no agent sends",
    holds: "The connection ends, or what is not understood is passed over.",
    cases: [
      {
        id: "J1",
        misdeed: "length-zero",
        callers: { stat: "unavailable", execute: "unavailable" },
      },
      { id: "J2", misdeed: "length-huge", callers: { stat: "unavailable" } },
      { id: "J3", misdeed: "length-short", callers: { stat: "unavailable" } },
      { id: "J4", misdeed: "type-unknown", callers: { stat: "unavailable" } },
      { id: "J5", misdeed: "type-reserved", callers: { stat: "unavailable" } },
      { id: "J6", misdeed: "client-only-frames" },
      { id: "J7", misdeed: "data-empty", callers: { stat: "unavailable" } },
      { id: "J8", misdeed: "window-zero" },
      { id: "J9", misdeed: "window-overflow" },
      {
        id: "J10",
        misdeed: "window-overrun",
        callers: { stat: "unavailable", read: "unavailable" },
      },
      { id: "J11", misdeed: "stream-zero" },
      { id: "J12", misdeed: "stream-of-another" },
      { id: "J13", misdeed: "result-twice" },
      { id: "J14", misdeed: "data-after-result" },
      { id: "J15", misdeed: "result-before-start" },
      { id: "J16", misdeed: "event-unawaited", callers: { stat: "unavailable" } },
      { id: "J17", misdeed: "body-unawaited", callers: { ls: "unavailable" } },
      { id: "J18", misdeed: "result-no-json", callers: { stat: "unavailable" } },
      { id: "J19", misdeed: "result-megabyte" },
      { id: "J20", misdeed: "result-nested", callers: { stat: "unavailable" } },
      { id: "J21", misdeed: "result-prototype" },
      { id: "J22", misdeed: "result-no-object", callers: { stat: "unavailable" } },
      { id: "J23", misdeed: "cut-half-frame", callers: { stat: "unavailable" } },
      {
        id: "J24",
        misdeed: "byte-by-byte",
        callers: { stat: "a value", ls: "a value", execute: "exited" },
      },
    ],
  },
  {
    name: "K: failures that no agent has",
    holds:
      "Callers see a code of the closed list and a bounded message; no sandbox counts as gone.",
    cases: [
      { id: "K1", misdeed: "error-gone", callers: { stat: "unavailable", execute: "unavailable" } },
      { id: "K2", misdeed: "error-unknown", callers: { stat: "unavailable" } },
      { id: "K3", misdeed: "error-megabyte", callers: { stat: "conflict" } },
      { id: "K4", misdeed: "error-control", callers: { stat: "conflict" } },
      { id: "K5", misdeed: "error-no-object", callers: { stat: "unavailable" } },
      { id: "K6", misdeed: "goodbye-mid-call", callers: { stat: "unavailable" } },
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
      { id: "L14", misdeed: "body-tiny-chunks" },
      { id: "L15", misdeed: "list-tiny-chunks" },
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
      { id: "M4", misdeed: "endless-list" },
      {
        id: "M5",
        misdeed: "endless-element",
        callers: { ls: "unavailable" },
      },
      {
        id: "M6",
        misdeed: "body-over-limit",
        callers: { read: "unavailable" },
      },
      { id: "M7", misdeed: "found-nothing-with-body" },
      { id: "M8", misdeed: "one-huge-line", callers: { readLines: "unavailable" } },
      { id: "M9", misdeed: "only-line-breaks", callers: { readLines: "unavailable" } },
    ],
  },
  {
    name: "N: lies in results",
    holds: "A result that cannot be is `unavailable`, never passed on.",
    cases: [
      { id: "N1", misdeed: "lie-stat-negative", callers: { stat: "unavailable" } },
      { id: "N2", misdeed: "lie-stat-huge", callers: { stat: "unavailable" } },
      { id: "N3", misdeed: "lie-stat-path", callers: { stat: "unavailable" } },
      { id: "N4", misdeed: "lie-stat-type", callers: { stat: "unavailable" } },
      { id: "N5", misdeed: "lie-lines", callers: { readLines: "unavailable" } },
      { id: "N6", misdeed: "lie-write", callers: { write: "unavailable", edit: "unavailable" } },
      { id: "N7", misdeed: "lie-usage" },
      {
        id: "N8",
        misdeed: "lie-truncated",
        callers: { glob: "unavailable", grep: "unavailable", remove: "unavailable" },
      },
    ],
  },
  {
    name: "O: lists",
    holds: "A list is right in each element, or refused at its first wrong one.",
    cases: [
      { id: "O1", misdeed: "list-full" },
      { id: "O2", misdeed: "list-over", callers: { ls: "unavailable" } },
      { id: "O3", misdeed: "list-million", callers: { ls: "unavailable" } },
      { id: "O4", misdeed: "list-long-names" },
      { id: "O5", misdeed: "list-huge-name", callers: { ls: "unavailable" } },
      { id: "O6", misdeed: "list-duplicates" },
      { id: "O7", misdeed: "list-disorder" },
      { id: "O8", misdeed: "list-elsewhere", callers: { ls: "unavailable" } },
      {
        id: "O9",
        misdeed: "list-no-objects",
        callers: { ls: "unavailable", processes: "unavailable" },
      },
      { id: "O10", misdeed: "list-wrong-fields", callers: { ls: "unavailable" } },
      { id: "O11", misdeed: "list-nested", callers: { ls: "unavailable" } },
      { id: "O12", misdeed: "list-many-fields" },
      { id: "O13", misdeed: "list-prototype" },
      { id: "O14", misdeed: "list-surrogates", callers: { ls: "unavailable" } },
      { id: "O15", misdeed: "list-unclosed", callers: { ls: "unavailable" } },
      { id: "O16", misdeed: "list-spaces", callers: { ls: "a value or unavailable" } },
      { id: "O17", misdeed: "list-empty-elements", callers: { ls: "unavailable" } },
      { id: "O18", misdeed: "processes-huge-commands" },
    ],
  },
  {
    name: "P: output and ends of processes",
    holds: "The end of a process is true as far as it was told, or `lost`.",
    cases: [
      { id: "P1", misdeed: "sequence-back", callers: { execute: "lost" } },
      { id: "P2", misdeed: "sequence-same", callers: { execute: "lost" } },
      { id: "P3", misdeed: "sequence-jump", callers: { execute: "exited" } },
      { id: "P4", misdeed: "sequence-zero", callers: { execute: "lost" } },
      { id: "P5", misdeed: "channel-unknown", callers: { execute: "lost" } },
      { id: "P6", misdeed: "chunk-headless", callers: { execute: "lost" } },
      { id: "P7", misdeed: "output-event", callers: { execute: "lost" } },
      { id: "P8", misdeed: "output-objects", callers: { execute: "exited" } },
      { id: "P9", misdeed: "output-no-text", callers: { execute: "exited" } },
      { id: "P10", misdeed: "exit-code-out-of-range", callers: { execute: "lost" } },
      { id: "P11", misdeed: "exit-code-missing", callers: { execute: "lost" } },
      { id: "P12", misdeed: "exit-code-amiss", callers: { execute: "lost" } },
      { id: "P13", misdeed: "outcome-unknown", callers: { execute: "lost" } },
      { id: "P14", misdeed: "duration-huge", callers: { execute: "lost" } },
      { id: "P15", misdeed: "signal-text", callers: { execute: "lost" } },
      { id: "P16", misdeed: "started-id", callers: { execute: "unavailable" } },
      { id: "P17", misdeed: "started-id-huge", callers: { execute: "unavailable" } },
      { id: "P18", misdeed: "started-time", callers: { execute: "unavailable" } },
      { id: "P19", misdeed: "never-ends" },
      { id: "P20", misdeed: "kill-unanswered" },
      { id: "P21", misdeed: "kill-fails" },
      { id: "P22", misdeed: "instance-changes", callers: { execute: "lost or unavailable" } },
    ],
  },
  {
    name: "Q: silence",
    holds: "Callers who give up are let go; nobody waits for ever.",
    cases: [
      { id: "Q1", misdeed: "silent-after-hello", callers: { stat: "aborted", execute: "aborted" } },
      { id: "Q2", misdeed: "silent-without-pongs", callers: { stat: "aborted" } },
      { id: "Q3", misdeed: "reads-never", callers: { stat: "aborted" } },
      { id: "Q4", misdeed: "reads-slowly" },
      { id: "Q5", misdeed: "writes-slowly" },
      { id: "Q6", misdeed: "begins-then-silent", callers: { stat: "aborted" } },
      { id: "Q7", misdeed: "half-an-answer" },
      { id: "Q8", misdeed: "window-as-life", callers: { stat: "aborted" } },
      { id: "Q9", misdeed: "byte-as-life" },
    ],
  },
];
