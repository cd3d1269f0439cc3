import { request } from "node:http";
import type { Agent, IncomingMessage } from "node:http";
import { SandboxError } from "@carrel/backend-protocol";

/** Docker 20.10, the oldest engine whose API has all that sandboxes need. */
const OLDEST_API_VERSION = "1.41";

/** Docker 29.0: the newest API that this package was written against. A newer engine speaks it too. */
const NEWEST_API_VERSION = "1.52";

export interface EngineVersion {
  /** Of the engine, such as "28.1.1". */
  version: string;
  /** Of the API that is spoken with it, such as "1.49". */
  apiVersion: string;
  /** Versions of its parts by name in lower case, such as `runc` and `containerd`. */
  components: ReadonlyMap<string, string>;
}

// What an engine says of its versions is 1–2 KiB; more is no engine.
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Asks the engine for its versions and chooses the API to speak. Done without the Docker client:
 * what answers may be anything, so that the answer is bounded and no redirection is followed.
 *
 * @throws `unavailable` where it is no engine, too old, too new, or one of Windows containers
 */
export async function askVersion(
  agent: Agent,
  host: string,
  signal: AbortSignal,
): Promise<EngineVersion> {
  const answer = await get(agent, "/version", signal);
  const fields = parseObject(answer);
  const version = fields?.["Version"];
  const newest = fields?.["ApiVersion"];
  if (!fields || typeof version !== "string" || !isApiVersion(newest)) {
    throw unusable(
      `What answers at ${host} is not Docker; check the address, and whether a proxy is in the way`,
      new Error(`It answered: ${answer.toString("latin1").slice(0, 200)}`),
    );
  }
  if (fields["Os"] === "windows") {
    throw unusable(`The engine at ${host} runs Windows containers; switch it to Linux containers`);
  }
  const oldest = isApiVersion(fields["MinAPIVersion"]) ? fields["MinAPIVersion"] : newest;
  const apiVersion = chooseApiVersion({ host, version, newest, oldest });
  return { version, apiVersion, components: componentVersions(fields["Components"]) };
}

interface Offer {
  host: string;
  version: string;
  newest: string;
  oldest: string;
}

/** The newest API that both sides speak. */
export function chooseApiVersion({ host, version, newest, oldest }: Offer): string {
  if (compareApiVersions(newest, OLDEST_API_VERSION) < 0) {
    throw unusable(
      `The engine at ${host} is Docker ${version} with API ${newest}, and at least Docker 20.10 with API ${OLDEST_API_VERSION} is needed; update it`,
    );
  }
  if (compareApiVersions(oldest, NEWEST_API_VERSION) > 0) {
    throw unusable(
      `The engine at ${host} is Docker ${version}, which speaks no API older than ${oldest}, and the newest known here is ${NEWEST_API_VERSION}; update Carrel`,
    );
  }
  return compareApiVersions(newest, NEWEST_API_VERSION) < 0 ? newest : NEWEST_API_VERSION;
}

/** Negative, zero or positive, as for sorting. Both are of the form "1.41". */
export function compareApiVersions(one: string, other: string): number {
  const [major = 0, minor = 0] = one.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major - otherMajor || minor - otherMinor;
}

async function get(agent: Agent, path: string, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request({ agent, path, signal }, resolve).on("error", reject).end();
  const response = await promise;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_ANSWER_BYTES) break; // which destroys the response
  }
  return Buffer.concat(chunks);
}

function parseObject(json: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json.toString());
    return isObject(value) ? value : null;
  } catch {
    return null; // what it is instead is told by the caller
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isApiVersion(value: unknown): value is string {
  return typeof value === "string" && /^\d+\.\d+$/.test(value);
}

function componentVersions(components: unknown): Map<string, string> {
  const versions = new Map<string, string>();
  if (!Array.isArray(components)) return versions;
  for (const component of components as unknown[]) {
    if (!isObject(component)) continue;
    const { Name: name, Version: version } = component;
    if (typeof name === "string" && typeof version === "string") {
      versions.set(name.toLowerCase(), version);
    }
  }
  return versions;
}

function unusable(sentence: string, cause?: unknown): SandboxError {
  return new SandboxError({ code: "unavailable", message: `${sentence}.`, cause });
}
