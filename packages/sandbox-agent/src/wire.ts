import { SANDBOX_ERROR_CODES, SandboxError } from "@carrel/backend-protocol";
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

/**
 * What comes from inside a sandbox is only used once it has passed one of these: whoever owns the
 * sandbox may have replaced the agent.
 */
const count = z.int().min(0);
const text = z.string();

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

/** The error that the agent tells. One that cannot be read tells that the agent is not itself. */
export function errorFromWire(value: unknown): SandboxError {
  const parsed = errorSchema.safeParse(value);
  if (!parsed.success) return unreadable();
  const { code, message } = parsed.data;
  return new SandboxError({
    code: SANDBOX_ERROR_CODES.find((known) => known === code) ?? "unavailable",
    message: `In the sandbox: ${message.slice(0, MAX_MESSAGE_LENGTH)}`,
  });
}

function unreadable(): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The agent in the sandbox gave an error that cannot be read.",
  });
}

const infoSchema = z.object({
  path: text.startsWith("/"),
  type: z.enum(["file", "directory", "symlink", "other"]),
  size: count,
  mode: z.int().min(0).max(0o7777),
  mtimeMs: z.int().min(-8.64e15).max(8.64e15),
});

const fileInfoSchema = infoSchema.transform(({ path, type, size, mode, mtimeMs }): FileInfo => ({
  path,
  name: path === "/" ? "/" : path.slice(path.lastIndexOf("/") + 1),
  type,
  sizeBytes: size,
  mode,
  modifiedAt: new Date(mtimeMs).toISOString(),
}));

export const emptySchema: z.ZodType<object> = z.object({});
export const fileInfosSchema: z.ZodType<FileInfo[]> = z.array(fileInfoSchema);
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
  cutLines: z.array(count),
  binary: z.boolean(),
});

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

export const grepSchema: z.ZodType<GrepMatch[]> = z.array(
  z.object({ path: text.startsWith("/"), line: z.int().min(1), text }),
);

export const fileEventSchema: z.ZodType<FileEvent> = z.object({
  type: z.enum(["created", "changed", "removed"]),
  path: text.startsWith("/"),
});

const processId = z.string().min(1).max(100);
const time = z.iso.datetime();

export const processResultSchema: z.ZodType<ProcessResult> = z.object({
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
  signal: z.string().max(20).nullable(),
  truncated: z.boolean(),
  durationMs: count,
});

export interface StartedProcess {
  id: string;
  startedAt: string;
  /** Its input may be written to. */
  open: boolean;
}

export const startedSchema: z.ZodType<StartedProcess> = z.object({
  id: processId,
  startedAt: time,
  open: z.boolean(),
});

export const processesSchema: z.ZodType<ProcessInfo[]> = z.array(
  z.object({
    id: processId,
    command: text,
    startedAt: time,
    result: processResultSchema.nullable(),
  }),
);

export const terminalSchema: z.ZodType<{ id: string }> = z.object({ id: processId });
