/** What each user may have of the server at the same time. */
export interface ShareLimits {
  /** Requests on a session, or for a new one, that are not answered yet. */
  requests: number;
  /** Requests that are answered with a stream of events. */
  streams: number;
  /** Requests that are uploads, downloads and archives. */
  transfers: number;
  /** Turns of chat that run, whether or not a client listens. */
  turns: number;
}

export interface HttpLimits {
  /** Connections that are open at the same time. */
  maxConnections: number;
  perUser: ShareLimits;
}

/** An open page holds one or two connections; a thousand cost the server some ten MiB. */
export const DEFAULT_MAX_CONNECTIONS = 1000;

/**
 * A request may be a command that runs for a day. An eighth of all connections, so that it takes
 * eight users to hold them all.
 */
export const DEFAULT_MAX_REQUESTS_PER_USER = 128;

/** A page has one stream of events for its chat: this is so many open pages of one user. */
export const DEFAULT_MAX_STREAMS_PER_USER = 32;

/** A browser sends six files at a time. Each transfer holds about 200 KiB here, and work in the sandbox. */
export const DEFAULT_MAX_TRANSFERS_PER_USER = 32;

/** A turn runs for up to half an hour. Its events take up to 20 MiB, which count as the user's memory. */
export const DEFAULT_MAX_TURNS_PER_USER = 32;
