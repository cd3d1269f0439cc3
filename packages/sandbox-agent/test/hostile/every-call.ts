import type { Sandbox } from "@carrel/backend-protocol";
import { z } from "zod";

/** What is read of a stream at most: whoever reads one decides when it is enough. */
const MAX_STREAM_BYTES = 8 * 1024 * 1024;
const MAX_EVENTS = 1000;
const COMMAND_TIMEOUT_MS = 1000;
const INPUT = "i".repeat(256 * 1024);

export interface HostileCall {
  make: (sandbox: Required<Sandbox>, signal: AbortSignal) => Promise<unknown>;
  /** What its value must be like, whatever the agent says. */
  value: z.ZodType;
  /** It has a process, which is stopped by another call, with a deadline of its own. */
  stopsProcess?: true;
}

const path = z
  .string()
  .startsWith("/")
  .refine((text) => !text.split("/").includes("..") && !text.includes("\0"));
const count = z.int().min(0);
const hash = z.string().length(64);
const info = z.strictObject({
  path,
  name: z.string().min(1),
  type: z.enum(["file", "directory", "symlink", "other"]),
  sizeBytes: count,
  mode: z.int().min(0).max(0o7777),
  modifiedAt: z.iso.datetime(),
});
const ending = {
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
    .regex(/^[\w+-]+$/)
    .nullable(),
  truncated: z.boolean(),
  durationMs: count,
};
const nothing = z.undefined();

/** One call of each kind that a sandbox takes. */
export const EVERY_CALL: Readonly<Record<string, HostileCall>> = {
  stat: { make: (box, signal) => box.stat("a", { signal }), value: info.nullable() },
  ls: { make: (box, signal) => box.ls(".", { signal }), value: listOf(info, 100_000) },
  read: {
    make: (box, signal) => box.read("a", { signal }),
    value: z.custom(
      (value) =>
        value === null || (value instanceof Uint8Array && value.length <= 16 * 1024 * 1024),
    ),
  },
  readLines: {
    make: (box, signal) => box.readLines("a", { signal }),
    value: z
      .strictObject({
        lines: listOf(z.string(), 2000),
        offset: count,
        nextOffset: count.nullable(),
        totalLines: count.nullable(),
        hash: hash.nullable(),
        cutLines: z.array(count),
        binary: z.boolean(),
      })
      .nullable(),
  },
  write: {
    make: (box, signal) => box.write("a", INPUT, { signal }),
    value: z.strictObject({ path, sizeBytes: count, hash, created: z.boolean() }),
  },
  edit: {
    make: (box, signal) => box.edit("a", "old", "new", { signal }),
    value: z.strictObject({
      path,
      replacements: z.int().min(1),
      sizeBytes: count,
      hash,
      firstLine: z.int().min(1),
    }),
  },
  remove: { make: (box, signal) => box.remove("a", { signal }), value: z.boolean() },
  move: { make: (box, signal) => box.move("a", "b", { signal }), value: nothing },
  mkdir: { make: (box, signal) => box.mkdir("d", { signal }), value: nothing },
  glob: {
    make: (box, signal) => box.glob("**", { signal, limit: 10_000, timeoutMs: 500 }),
    value: z.strictObject({ files: listOf(info, 10_000), truncated: z.boolean() }),
  },
  grep: {
    make: (box, signal) => box.grep("a", { signal, limit: 10_000, timeoutMs: 500 }),
    value: z.strictObject({
      matches: listOf(z.strictObject({ path, line: z.int().min(1), text: z.string() }), 10_000),
      truncated: z.boolean(),
    }),
  },
  readStream: {
    make: async (box, signal) => drain(await box.readStream("a", { signal })),
    value: count,
  },
  archive: { make: async (box, signal) => drain(await box.archive(".", { signal })), value: count },
  "readStream, unread": {
    make: async (box, signal) => leftAlone(await box.readStream("a", { signal }), signal),
    value: nothing,
  },
  watch: {
    make: (box, signal) => watchSome(box, signal),
    value: count,
  },
  processes: {
    make: (box, signal) => box.processes({ signal }),
    value: listOf(
      z.strictObject({
        id: z.string().max(100),
        command: z.string(),
        startedAt: z.iso.datetime(),
        result: z.strictObject(ending).nullable(),
      }),
      33_000,
    ),
  },
  execute: {
    make: (box, signal) => box.execute("true", { signal, timeoutMs: COMMAND_TIMEOUT_MS }),
    value: z.strictObject({
      ...ending,
      stdout: z.string().max(1024 * 1024),
      stderr: z.string().max(1024 * 1024),
      output: z.string().max(1024 * 1024),
    }),
    stopsProcess: true,
  },
  "spawn, unread": {
    make: async (box, signal) =>
      (await box.spawn("true", { signal, timeoutMs: COMMAND_TIMEOUT_MS })).result,
    value: z.strictObject(ending),
    stopsProcess: true,
  },
  "spawn, with input": { make: typeInto, value: z.strictObject(ending), stopsProcess: true },
  attach: {
    make: async (box, signal) => {
      const process = await box.attach("p1", { signal });
      await process.kill();
      return process.result;
    },
    value: z.strictObject(ending),
    stopsProcess: true,
  },
  openTerminal: { make: useTerminal, value: count, stopsProcess: true },
  connect: { make: useConnection, value: count },
};

function listOf(element: z.ZodType, most: number): z.ZodType {
  // A schema of the whole list would take longer than what is tested.
  return z.custom(
    (value) =>
      Array.isArray(value) &&
      value.length <= most &&
      value.slice(0, 100).every((each) => element.safeParse(each).success),
  );
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const piece of stream) {
    bytes += piece.length;
    if (bytes > MAX_STREAM_BYTES) break;
  }
  return bytes;
}

/** As a client that stopped reading. */
async function leftAlone(stream: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  await stream.cancel().catch(() => undefined);
}

async function watchSome(box: Required<Sandbox>, signal: AbortSignal): Promise<number> {
  let events = 0;
  for await (const event of box.watch(".", { signal })) {
    path.parse(event.path);
    if (++events === MAX_EVENTS) break;
  }
  return events;
}

async function typeInto(box: Required<Sandbox>, signal: AbortSignal): Promise<unknown> {
  const process = await box.spawn("cat", { signal, stdin: "open", timeoutMs: COMMAND_TIMEOUT_MS });
  await process.write(INPUT);
  await process.closeStdin();
  await process.kill();
  return process.result;
}

async function useTerminal(box: Required<Sandbox>, signal: AbortSignal): Promise<number> {
  const terminal = await box.openTerminal({ columns: 80, rows: 24, signal });
  const close = (): void => void terminal.close();
  signal.addEventListener("abort", close, { once: true });
  await terminal.write("exit\n");
  let bytes = 0;
  for await (const piece of terminal.output) {
    bytes += piece.length;
    if (bytes > MAX_STREAM_BYTES) break;
  }
  await terminal.close();
  return bytes;
}

async function useConnection(box: Required<Sandbox>, signal: AbortSignal): Promise<number> {
  const connection = await box.connect(80, { signal });
  const close = (): void => void connection.destroy();
  signal.addEventListener("abort", close, { once: true });
  connection.write("GET / HTTP/1.0\r\n\r\n");
  let bytes = 0;
  try {
    for await (const piece of connection) {
      bytes += (piece as Buffer).length;
      if (bytes > MAX_STREAM_BYTES) break;
    }
  } catch (error) {
    // Destroyed by the signal above, before its end.
    if (!signal.aborted) throw error;
  }
  connection.destroy();
  return bytes;
}
