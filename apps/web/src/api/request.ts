import { ApiError, networkError } from "./api-error.ts";

const ANSWER_TIMEOUT_MS = 60_000;

/** `fetch` for answers that arrive at once. One that is no success throws {@link ApiError}. */
export async function request(
  target: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const signal = init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
  return openStream(target, { ...init, signal });
}

/** `fetch` for answers that may stay open: only the caller's signal ends it. */
export async function openStream(
  target: RequestInfo | URL,
  init: RequestInit = {},
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(target, init);
  } catch (error) {
    if (isAbort(error)) throw error;
    throw networkError("The server cannot be reached.", error);
  }
  if (!response.ok) throw errorFromBody(response.status, await readBody(response));
  return response;
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function readBody(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    // The status says enough where the connection broke within the body.
    return "";
  }
}

/** The error of an answer. One without the server's own body comes from something before it. */
export function errorFromBody(status: number, text: string): ApiError {
  const error = parseErrorBody(text);
  if (error) return new ApiError({ ...error, status });
  if (status >= 500) return networkError(`The server cannot be reached (HTTP ${status}).`);
  return new ApiError({
    code: "internal",
    message: `The server refused the request (HTTP ${status}).`,
    status,
  });
}

function parseErrorBody(text: string): { code: string; message: string } | null {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null || !("error" in body)) return null;
    const { error } = body;
    if (typeof error !== "object" || error === null) return null;
    if (!("code" in error) || !("message" in error)) return null;
    return { code: String(error.code), message: String(error.message) };
  } catch {
    // Not JSON: not an error that our server wrote.
    return null;
  }
}
