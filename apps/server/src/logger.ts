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
  const { name, message, stack, cause } = error;
  return {
    name,
    message: message.slice(0, MAX_MESSAGE_CHARACTERS),
    stack: stack?.split("\n    at ").slice(1, 12).join("\n"),
    ...(cause !== undefined && causes > 0 && { cause: loggedError(cause, causes - 1) }),
  };
}
