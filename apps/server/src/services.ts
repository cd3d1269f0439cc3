import type { ProviderInfo } from "@carrel/backend-protocol";
import type { SessionManager } from "@carrel/session-manager";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { HttpBindings } from "@hono/node-server";
import type { Chats } from "./chat/chats.ts";
import type { Patience } from "./http/patience.ts";
import type { Upload } from "./http/request-body.ts";
import type { UserShares } from "./http/user-shares.ts";
import type { Visit } from "./http/visits.ts";

/** What the routes stand on. `main.ts` makes it once; tests make their own. */
export interface AppServices {
  manager: SessionManager;
  /** Which kind of sandbox runs, and why. */
  sandbox: ProviderInfo & { reason: string; fallback: boolean };
  chats: Chats;
  /** As users see it. */
  model: { name: string; demo: boolean };
  metrics: Registry;
  /** What each user takes of the server at the moment. */
  shares: UserShares;
  /** How long clients are waited for. */
  patience: Patience;
  logger: Logger;
  version: string;
  /** Folder of the built web page; it need not exist. */
  webRoot: string;
}

export interface AppEnv {
  /** The request and the answer of the socket; `app.request` gives none, and no object either. */
  Bindings: Partial<HttpBindings>;
  Variables: {
    /** Stands in the log, in `X-Request-Id`, and in what a client is told of an unknown failure. */
    requestId: string;
    /** What the request takes of its user's share. */
    visit: Visit;
    /** The body of a PUT that came over a socket. */
    upload?: Upload;
  };
}
