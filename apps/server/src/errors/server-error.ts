import type { ErrorCode, SERVER_ERROR_CODES } from "../wire/error.ts";

type ServerErrorCode = (typeof SERVER_ERROR_CODES)[number];

export interface ServerErrorOptions {
  code: ServerErrorCode;
  /** Goes to the client as it is. */
  message: string;
  /** Never goes to the client. */
  cause?: unknown;
}

/** What the server refuses by itself; what a sandbox refuses is a `SandboxError`. */
export class ServerError extends Error {
  readonly code: ServerErrorCode;

  constructor({ code, message, cause }: ServerErrorOptions) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ServerError";
    this.code = code satisfies ErrorCode;
  }
}
