import { errorSchema } from "../wire/error.ts";
import { ERROR_STATUS } from "./error-status.ts";
import type { ErrorStatus } from "./error-status.ts";

interface RouteErrorResponse {
  description: string;
  content: { "application/json": { schema: typeof errorSchema } };
}

// Any route may answer these.
const EVERYWHERE = [403, 429, 500] as const;

/** The error answers of a route, as its description lists them. */
export function routeErrors<Status extends ErrorStatus>(
  ...statuses: Status[]
): Record<Status | (typeof EVERYWHERE)[number], RouteErrorResponse> {
  const all = [...statuses, ...EVERYWHERE];
  const responses = all.map((status) => [status, errorAnswer(status)] as const);
  return Object.fromEntries(responses) as ReturnType<typeof routeErrors<Status>>;
}

function errorAnswer(status: ErrorStatus): RouteErrorResponse {
  const codes = Object.entries(ERROR_STATUS).flatMap(([code, its]) =>
    its === status ? [code] : [],
  );
  return {
    description: `Error: ${codes.join(", ")}.`,
    content: { "application/json": { schema: errorSchema } },
  };
}
