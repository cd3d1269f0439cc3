import {
  MAX_COMMAND_BYTES,
  MAX_LINE_BYTES,
  MAX_NAME_BYTES,
  MAX_PATH_BYTES,
  MAX_READ_LINES_BYTES,
  SANDBOX_ERROR_CODES,
  SandboxError,
  pathToBytes,
} from "@carrel/backend-protocol";
import type {
  EditResult,
  FileEvent,
  FileInfo,
  GrepMatch,
  LineRange,
  ProcessInfo,
  ProcessResult,
  WriteResult,
} from "@carrel/backend-protocol";
import { z } from "zod";
import { hasTooManyValues } from "./json-values.ts";

/**
 * What comes from inside a sandbox is only used once it has passed one of these: whoever owns the
 * sandbox may have replaced the agent.
 */
const count = z.int().min(0);
const text = z.string();

/** *Bytes* on the wire: lone surrogates stand for bytes, U+DC80 to U+DCFF; others for nothing. */
const bytesText = text.refine((value) => !OTHER_LONE_SURROGATE.test(value));
const OTHER_LONE_SURROGATE = /[\ud800-\udc7f\udd00-\udfff]/u;

/** A directory's path may be as long as any; its entries' are longer. */
const MAX_ENTRY_PATH_LENGTH: number = MAX_PATH_BYTES + 1 + MAX_NAME_BYTES;

/** Absolute and normalised: what reads it need not ask where `..` leads. */
const path = bytesText
  .max(MAX_ENTRY_PATH_LENGTH)
  .regex(/^(?:\/|(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+)$/u);

/** Names processes and terminals; it may stand in an address or a log. */
const id = z.string().regex(/^[\w.-]{1,100}$/);

export interface AgentHello {
  protocol: 1;
  /** Another one once the agent was started anew. */
  instance: string;
  /** What may be sent in a call before the agent grants more, in bytes. */
  window: number;
}

export const helloSchema: z.ZodType<AgentHello> = z.object({
  protocol: z.literal(1),
  instance: z.string().regex(/^[0-9a-f]{16}$/),
  window: z
    .int()
    .min(65_541)
    .max(16 * 1024 * 1024),
});

/** What files and directories take on disk. */
export interface DiskUsage {
  bytes: number;
  /** `false` where the time was up first: it is at least `bytes`. */
  complete: boolean;
}

const errorSchema = z.object({ code: text, message: text });

const MAX_MESSAGE_LENGTH = 2000;

/** An agent's codes. That a sandbox is gone is not for something in it to say. */
const CODES = SANDBOX_ERROR_CODES.filter((code) => code !== "gone");

/** The error that the agent tells. One that cannot be read tells that the agent is not itself. */
export function errorFromWire(value: unknown): SandboxError {
  const parsed = errorSchema.safeParse(value);
  if (!parsed.success) return wrongAnswer(parsed.error);
  const { code, message } = parsed.data;
  return new SandboxError({
    code: CODES.find((known) => known === code) ?? "unavailable",
    message: `In the sandbox: ${beginningOf(message, MAX_MESSAGE_LENGTH)}`,
  });
}

/** A copy: as a part of the text it would keep all of it in memory. */
function beginningOf(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
}

/** What the agent said cannot be: somebody in the sandbox has replaced it. */
export function wrongAnswer(cause: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The agent in the sandbox gave an answer that cannot be read.",
    cause,
  });
}

/** @throws SyntaxError, `unavailable` if it has more values than any answer */
export function parseJson(payload: Buffer): unknown {
  if (hasTooManyValues(payload)) throw wrongAnswer(new Error("JSON of very many values"));
  return JSON.parse(payload.toString("utf8"));
}

/** @throws `unavailable` where the bytes are not the JSON that they should be */
export function readJson<Value>(schema: z.ZodType<Value>, payload: Buffer): Value {
  let value: unknown;
  try {
    value = parseJson(payload);
  } catch (error) {
    throw wrongAnswer(error);
  }
  return readAnswer(schema, value);
}

/** @throws `unavailable` where the value is not what it should be */
export function readAnswer<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw wrongAnswer(parsed.error);
  return parsed.data;
}

const infoSchema = z.object({
  path,
  type: z.enum(["file", "directory", "symlink", "other"]),
  size: count,
  mode: z.int().min(0).max(0o7777),
  mtimeMs: z.int().min(-8.64e15).max(8.64e15),
});

export const fileInfoSchema: z.ZodType<FileInfo> = infoSchema.transform(
  ({ size, mtimeMs, ...info }) => ({
    ...info,
    name: info.path === "/" ? "/" : info.path.slice(info.path.lastIndexOf("/") + 1),
    sizeBytes: size,
    modifiedAt: new Date(mtimeMs).toISOString(),
  }),
);

export const emptySchema: z.ZodType<object> = z.object({});
export const statSchema: z.ZodType<{ info: FileInfo | null }> = z.object({
  info: fileInfoSchema.nullable(),
});
export const foundSchema: z.ZodType<{ found: boolean }> = z.object({ found: z.boolean() });
export const truncatedSchema: z.ZodType<{ truncated: boolean }> = z.object({
  truncated: z.boolean(),
});
export const removedSchema: z.ZodType<{ removed: boolean }> = z.object({ removed: z.boolean() });
export const diskUsageSchema: z.ZodType<DiskUsage> = z.object({
  bytes: count,
  complete: z.boolean(),
});

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** The range without its lines, which are the body: how many they are. */
export interface WireLineRange extends Omit<LineRange, "lines"> {
  found: boolean;
  lines: number;
}

export const lineRangeSchema: z.ZodType<WireLineRange> = z.object({
  found: z.boolean(),
  lines: count,
  offset: count,
  nextOffset: count.nullable(),
  totalLines: count.nullable(),
  hash: hash.nullable(),
  // Looked at as a whole: a schema of the elements would tell of each wrong one.
  cutLines: z.custom<number[]>(isListOfCounts),
  binary: z.boolean(),
});

/** Cut lines are long ones, of which few are in one answer. */
const MAX_CUT_LINES = (2 * MAX_READ_LINES_BYTES) / MAX_LINE_BYTES;

function isListOfCounts(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length <= MAX_CUT_LINES &&
    value.every((element) => Number.isSafeInteger(element) && element >= 0)
  );
}

export const writtenSchema: z.ZodType<Omit<WriteResult, "path">> = z.object({
  sizeBytes: count,
  hash,
  created: z.boolean(),
});

export const editedSchema: z.ZodType<Omit<EditResult, "path">> = z.object({
  replacements: z.int().min(1),
  sizeBytes: count,
  hash,
  firstLine: z.int().min(1),
});

/** Twice as much as is shown of a line: what is cut may be marked. */
const MAX_MATCH_LENGTH = 2 * MAX_LINE_BYTES;

export const grepMatchSchema: z.ZodType<GrepMatch> = z.object({
  path,
  line: z.int().min(1),
  text: bytesText
    .max(MAX_MATCH_LENGTH)
    .transform((value) => Buffer.from(pathToBytes(value)).toString("utf8")),
});

export const fileEventSchema: z.ZodType<FileEvent> = z.object({
  type: z.enum(["created", "changed", "removed"]),
  path,
});

const time = z.iso.datetime();

export const processResultSchema: z.ZodType<ProcessResult> = z
  .object({
    outcome: z.enum([
      "exited",
      "signaled",
      "timed-out",
      "cancelled",
      "output-limit",
      "out-of-memory",
      "lost",
    ]),
    exitCode: z.int().min(0).max(255).nullable(),
    signal: z
      .string()
      .regex(/^[A-Z0-9+-]{1,20}$/)
      .nullable(),
    truncated: z.boolean(),
    durationMs: count,
  })
  .refine(({ outcome, exitCode }) => (outcome === "exited") === (exitCode !== null));

export interface StartedProcess {
  id: string;
  startedAt: string;
  /** Its input may be written to. */
  open: boolean;
}

export const startedSchema: z.ZodType<StartedProcess> = z.object({
  id,
  startedAt: time,
  open: z.boolean(),
});

export const processInfoSchema: z.ZodType<ProcessInfo> = z.object({
  id,
  command: text.max(MAX_COMMAND_BYTES),
  startedAt: time,
  result: processResultSchema.nullable(),
});

export const terminalSchema: z.ZodType<{ id: string }> = z.object({ id });
