import { SandboxError } from "@carrel/backend-protocol";
import { z } from "zod";

const MAX_PROVIDER_TEXT = 300;

// What the clients of the providers put on their errors.
const providerErrorSchema = z.object({
  name: z.string().catch(""),
  message: z.string().catch(""),
  status: z.int().optional().catch(undefined),
  headers: z
    .custom<Headers>((value) => value instanceof Headers)
    .optional()
    .catch(undefined),
});

export interface ModelDescription {
  /** As the user configured it. */
  name: string;
  /** Never repeated to anyone, though a provider may quote it. */
  secret: string | undefined;
}

/** The answer of a model ended before its end. */
export class CutAnswerError extends Error {
  override name = "CutAnswerError";
}

/** What a failed call of the model means for the user: by status, not by the words of the provider. */
export function describeModelError(error: unknown, model: ModelDescription): SandboxError {
  const { name, message, status, headers } = providerErrorSchema.parse(
    typeof error === "object" && error !== null ? error : {},
  );
  const text = (what: string): SandboxError =>
    new SandboxError({ code: "unavailable", message: what, cause: error });
  if (name === "ContextOverflowError") {
    return new SandboxError({
      code: "too-large",
      message: "The conversation is longer than the model can take. Go on in a new session.",
      cause: error,
    });
  }
  if (status === undefined) return text(withoutStatus(name, error));
  switch (status) {
    case 401:
    case 403:
      return text(
        `The provider of the model refused the key (${status}). Check OPENAI_API_KEY and restart the server.`,
      );
    case 404:
      return text(
        `The provider does not know the model ${model.name}, or there is nothing at its address (404). Check CARREL_MODEL and OPENAI_BASE_URL.`,
      );
    case 429:
      return new SandboxError({
        code: "unavailable",
        message:
          "The provider of the model takes no more requests for now (429): too many in a short time, or the account's quota is used up.",
        cause: error,
        ...retryAfter(headers),
      });
    default:
      if (status >= 500)
        return text(`The provider of the model failed (${status}). Try again later.`);
      return text(
        `The provider of the model refused the request (${status}): ${quote(message, model.secret)}`,
      );
  }
}

function withoutStatus(name: string, error: unknown): string {
  if (name === "TimeoutError")
    return "The provider of the model did not answer in time. Try again.";
  if (error instanceof CutAnswerError) return "The answer of the model was cut off. Try again.";
  return "The connection to the provider of the model failed or broke off. Check OPENAI_BASE_URL and the network, then try again.";
}

function quote(message: string, secret: string | undefined): string {
  const clean =
    secret === undefined || secret === "" ? message : message.replaceAll(secret, "[key]");
  const [beforeAdvice = ""] = clean.split("\n\nTroubleshooting URL:");
  return beforeAdvice.length > MAX_PROVIDER_TEXT
    ? `${beforeAdvice.slice(0, MAX_PROVIDER_TEXT)}…`
    : beforeAdvice;
}

function retryAfter(headers: Headers | undefined): { retryAfterMs?: number } {
  const seconds = Number(headers?.get("retry-after") ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {};
}
