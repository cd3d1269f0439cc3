export interface ApiErrorOptions {
  /** The server's code; `network` where no answer of the server arrived. */
  code: string;
  message: string;
  /** HTTP status; `null` with `network`, and where the error came as an event. */
  status: number | null;
  cause?: unknown;
}

/** A request that failed: the server said no, or could not be reached. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number | null;

  constructor({ code, message, status, cause }: ApiErrorOptions) {
    super(message, { cause });
    this.name = "ApiError";
    this.code = code;
    this.status = status;
  }

  /** Nobody answered: what was asked may or may not have happened. */
  get isNetwork(): boolean {
    return this.code === "network";
  }

  /** The session, or the file, is not there. */
  get isMissing(): boolean {
    return this.code === "not-found" || this.code === "gone";
  }
}

export function networkError(message: string, cause?: unknown): ApiError {
  return new ApiError({ code: "network", message, status: null, cause });
}

/** Anything that was caught, as what the page can show. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError({ code: "internal", message, status: null, cause: error });
}

const ADVICE: Readonly<Record<string, string>> = {
  network: "Check that the Carrel server is running and that you are connected.",
  "no-space": "The disk is full. Delete some files and try again.",
  unavailable: "Try again in a moment.",
  timeout: "Try again; it may have been a slow moment.",
  internal: "Try again. If it stays, the server's log says why.",
};

/** What a person can do about it; `null` where the message says all there is. */
export function adviceFor(code: string): string | null {
  return ADVICE[code] ?? null;
}
