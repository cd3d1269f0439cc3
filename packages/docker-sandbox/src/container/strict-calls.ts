import type { Engine } from "../engine/engine.ts";
import type { CreateBody } from "../hardening/create-body.ts";

// Dockerode's own call takes a 200 for a success, which is no answer of an engine: what came from
// something in between would pass for the lock that a name is.
export function renameContainer(
  engine: Engine,
  { id, name }: { id: string; name: string },
  abortSignal: AbortSignal,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = {
    path: `/containers/${id}/rename?`,
    method: "POST",
    options: { _query: { name }, _body: {} },
    abortSignal,
    statusCodes: { 204: true, 404: "no such container", 409: "conflict", 500: "server error" },
  };
  engine.docker.modem.dial(request, (error) => (error ? reject(error) : resolve()));
  return promise;
}

// Dockerode's own call drops the engine's warnings.
export function createContainer(
  engine: Engine,
  { name, body }: { name: string; body: CreateBody },
  abortSignal: AbortSignal,
): Promise<{ id: string; warnings: string[] }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ id: string; warnings: string[] }>();
  const request = {
    path: "/containers/create?",
    method: "POST",
    options: { _query: { name }, _body: body },
    abortSignal,
    statusCodes: { 201: true, 404: "no such image", 409: "conflict", 500: "server error" },
  };
  engine.docker.modem.dial(request, (error, answer) => {
    if (error) return reject(error);
    const { Id: id, Warnings: warnings } = Object(answer) as { Id: string; Warnings?: string[] };
    resolve({ id, warnings: warnings ?? [] });
  });
  return promise;
}
