import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";

/** What was tried, and with whom. */
export interface EngineAction {
  /** Completes the sentence "Docker could not …", such as "start the container carrel-1f0c". */
  action: string;
  /** Address of the engine, as it was given. */
  host: string;
}

interface Meaning {
  code: SandboxErrorCode;
  advice: string;
}

/** HTTP status of the engine's answer, or `null` where the error is no answer of it. */
export function engineStatus(error: unknown): number | null {
  return numberProperty(SandboxError.isInstance(error) ? error.cause : error, "statusCode");
}

/**
 * One error of dockerode, its modem, a socket, TLS or HTTP as a {@link SandboxError}. Status and
 * errno decide. `not-found` is an object on the engine that is not there, `conflict` one whose state
 * or name forbids the action, which includes 304: it has that state already.
 */
export function translateEngineError(error: unknown, action: EngineAction): SandboxError {
  if (SandboxError.isInstance(error)) return error;
  const { code, advice } = meaningOf(error, action.host);
  return new SandboxError({
    code,
    message: `Docker could not ${action.action}, because ${advice}.`,
    cause: error,
  });
}

function meaningOf(error: unknown, host: string): Meaning {
  const status = numberProperty(error, "statusCode");
  if (status !== null) return meaningOfStatus(status, error);
  const errno = stringProperty(error, "code");
  return MEANING_OF_ERRNO.get(errno)?.(host) ?? meaningOfFamily(errno, host);
}

function meaningOfStatus(status: number, error: unknown): Meaning {
  switch (status) {
    case 304:
      return { code: "conflict", advice: "it is in that state already" };
    case 400:
      return { code: "invalid-argument", advice: "the engine refuses the request as malformed" };
    case 401:
    case 403:
      return unavailable("the engine, or what guards it, does not allow it to this client");
    case 404:
      return { code: "not-found", advice: "the engine has no such object" };
    case 409:
      return { code: "conflict", advice: "its name or its state forbids that now" };
    default:
      if (saysNoSpace(error)) {
        return { code: "no-space", advice: "the disk of the engine is full; free some of it" };
      }
      return unavailable(`the engine answered with status ${status}; its log says why`);
  }
}

/**
 * The engine answers 500 for whatever the kernel refused and has no field for the errno, so that a
 * full disk can only be told by the errno's own text, which is the same in each version.
 */
function saysNoSpace(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return NO_SPACE.test(message);
}

/** ENOSPC and EDQUOT in Go's words. */
export const NO_SPACE: RegExp = /no space left on device|disk quota exceeded/;

const MEANING_OF_ERRNO = new Map<string, (host: string) => Meaning>([
  [
    "ENOENT",
    (host) =>
      unavailable(
        `nothing is at ${host}; install and start Docker, or set its address (the option engine.host)`,
      ),
  ],
  [
    "ENOTDIR",
    (host) =>
      unavailable(`nothing is at ${host}; set the engine's address (the option engine.host)`),
  ],
  [
    "ECONNREFUSED",
    (host) =>
      unavailable(
        `nothing listens at ${host}; start Docker, or set its address (the option engine.host)`,
      ),
  ],
  ["EACCES", noPermission],
  ["EPERM", noPermission],
  ["ENOTFOUND", (host) => unavailable(`the name in ${host} is not known to DNS`)],
  ["EAI_AGAIN", (host) => unavailable(`DNS does not answer for the name in ${host}`)],
  ["ENETUNREACH", (host) => unavailable(`no network reaches ${host}`)],
  ["EHOSTUNREACH", (host) => unavailable(`no network reaches ${host}`)],
  ["ETIMEDOUT", (host) => unavailable(`${host} does not answer`)],
  ["ECONNRESET", cut],
  ["EPIPE", cut],
  // A response that ended before its headers said, in Node's words.
  ["ERR_STREAM_PREMATURE_CLOSE", cut],
  // An alert or a record that is none: plain HTTP where TLS was expected, or no client certificate.
  ["EPROTO", noTls],
]);

function meaningOfFamily(errno: string, host: string): Meaning {
  // node:tls names what is wrong with a certificate in OpenSSL's words.
  if (/^(ERR_SSL|ERR_TLS|CERT_|CRL_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(errno)) {
    return noTls(host);
  }
  // node:http's parser.
  if (errno.startsWith("HPE_")) {
    return unavailable(`what answers at ${host} is not Docker, or needs TLS; check the address`);
  }
  return unavailable(`the connection to ${host} failed`);
}

function noPermission(host: string): Meaning {
  return unavailable(
    `this user may not use ${host}; add the user to the group docker and log in anew, or run Docker rootless`,
  );
}

function cut(host: string): Meaning {
  return unavailable(
    `the engine at ${host} closed the connection; it is unknown whether it was done`,
  );
}

function noTls(host: string): Meaning {
  return unavailable(
    `${host} and this client do not accept each other's certificates; check ca.pem, cert.pem and key.pem, and the name in the engine's certificate`,
  );
}

function unavailable(advice: string): Meaning {
  return { code: "unavailable", advice };
}

function numberProperty(value: unknown, name: string): number | null {
  const property = propertyOf(value, name);
  return typeof property === "number" ? property : null;
}

function stringProperty(value: unknown, name: string): string {
  const property = propertyOf(value, name);
  return typeof property === "string" ? property : "";
}

function propertyOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
