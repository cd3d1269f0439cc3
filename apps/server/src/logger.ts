import { destination, pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger } from "pino";

const MAX_MESSAGE_CHARACTERS = 1000;
const MAX_CAUSES = 3;

interface LoggedError {
  name: string;
  message: string;
  stack: string | undefined;
  cause?: LoggedError;
}

/** One JSON object per line, written at once, so that the last line before a crash is there. */
export function createLogger(stream: DestinationStream = destination({ sync: true })): Logger {
  return pino(
    {
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
      serializers: { err: (error: unknown) => loggedError(error, MAX_CAUSES) },
    },
    stream,
  );
}

// Named fields only: errors of clients carry requests with keys in them.
function loggedError(error: unknown, causes: number): LoggedError {
  if (!(error instanceof Error)) {
    return { name: typeof error, message: "something that is no error", stack: undefined };
  }
  const { name, stack, cause } = error;
  return {
    name,
    message: messageOf(error).slice(0, MAX_MESSAGE_CHARACTERS),
    stack: stack?.split("\n    at ").slice(1, 12).join("\n"),
    ...(cause !== undefined && causes > 0 && { cause: loggedError(cause, causes - 1) }),
  };
}

/**
 * Errors of a disk or a process without room: they can hit any file, and Node's message has its path, which
 * a user may have named. Other errors of the system are about directories of the server.
 */
const ABOUT_ANY_FILE: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE"]);

/** Returns an error's message, without the texts of users that some of Node's messages quote. */
function messageOf(error: Error): string {
  if (error instanceof SyntaxError && error.message.includes("JSON")) return "invalid JSON";
  if (!("code" in error) || !ABOUT_ANY_FILE.has(error.code)) return error.message;
  const call = "syscall" in error ? `, ${String(error.syscall)}` : "";
  return `${String(error.code)}${call}`;
}
