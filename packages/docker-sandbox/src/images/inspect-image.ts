import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";

export interface LocalImage {
  /** `sha256:…`: the same content for ever, whatever its names point to later. */
  id: string;
  /** As in Docker's names of platforms: `amd64`, `arm64`, … */
  architecture: string;
  /** What its `PATH` is set to, or what every Linux has. */
  path: string;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The image where the engine has it, or `null`. `reference` is a valid name or id. */
export async function inspectImage(
  engine: Engine,
  reference: string,
  signal?: AbortSignal,
): Promise<LocalImage | null> {
  const call = engine.call(
    `look for the image ${reference}`,
    (abortSignal) => inspect(engine, reference, abortSignal),
    { signal },
  );
  const image = await call.catch((error: unknown) => {
    if (SandboxError.isInstance(error) && error.code === "not-found") return null;
    throw error;
  });
  return image === null ? null : readImage(image, reference);
}

// Dockerode's own call takes no signal, so that a hanging engine would keep its connection.
function inspect(engine: Engine, reference: string, abortSignal: AbortSignal): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const request = {
    path: `/images/${reference}/json`,
    method: "GET",
    abortSignal,
    statusCodes: { 200: true, 404: "no such image", 500: "server error" },
  };
  engine.docker.modem.dial(request, (error, image) => {
    if (error) reject(error);
    else resolve(image);
  });
  return promise;
}

function readImage(image: unknown, reference: string): LocalImage {
  const { Id: id, Architecture: architecture, Config } = Object(image) as Record<string, unknown>;
  if (typeof id !== "string" || typeof architecture !== "string") {
    throw new SandboxError({
      code: "unavailable",
      message: `The engine does not describe the image ${reference}; check that it is Docker.`,
    });
  }
  return { id, architecture, path: readPath(Config) };
}

function readPath(config: unknown): string {
  const { Env: variables } = Object(config) as Record<string, unknown>;
  if (!Array.isArray(variables)) return DEFAULT_PATH;
  const path = variables.map(String).find((variable) => variable.startsWith("PATH="));
  return path?.slice("PATH=".length) ?? DEFAULT_PATH;
}
