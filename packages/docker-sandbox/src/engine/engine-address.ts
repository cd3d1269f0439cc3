import { isIPv4 } from "node:net";
import { SandboxError } from "@carrel/backend-protocol";

/** Where an engine on the same machine listens unless it was told otherwise. */
const DEFAULT_ENGINE_HOST = "unix:///var/run/docker.sock";

/** How the engine is reached. `host` is the address as it was given, for messages. */
export type EngineAddress = { host: string } & (
  | { kind: "unix"; socketPath: string }
  | { kind: "tcp"; hostname: string; port: number; secure: boolean }
  | { kind: "ssh"; hostname: string; port?: number; user?: string; socketPath?: string }
);

export interface EngineAddressOptions {
  /** In the forms of `DOCKER_HOST`. @default {@link DEFAULT_ENGINE_HOST} */
  host?: string;
  /** Whether a directory with certificates was given, so that `tcp://` means TLS. */
  secure?: boolean;
  /** Allow `tcp://` without TLS to another machine. @default false */
  allowPlainTcp?: boolean;
}

// Docker's registered ports; the tools of Docker assume them too.
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

const FORMS = "unix:///path, tcp://host:port or ssh://user@host";

// They become arguments of ssh and words of a command there: nothing that a shell or ssh could
// take for something else, and no leading dash.
const SSH_USER = /^[A-Za-z0-9_][A-Za-z0-9._@-]*$/;
const SSH_HOSTNAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$|^\[[0-9A-Fa-f:.]+\]$/;
const SSH_SOCKET_PATH = /^\/[A-Za-z0-9._/-]+$/;

/** @throws `invalid-argument` where `host` has none of the forms, or is plain and not loopback */
export function parseEngineAddress(options: EngineAddressOptions = {}): EngineAddress {
  const host = options.host || DEFAULT_ENGINE_HOST;
  if (host.startsWith("unix://")) return parseUnix(host);
  const url = URL.parse(host);
  if (url?.protocol === "tcp:") return parseTcp(host, url, options);
  if (url?.protocol === "ssh:") return parseSsh(host, url);
  throw invalid(host, `has no known form; use ${FORMS}`);
}

function parseUnix(host: string): EngineAddress {
  const socketPath = host.slice("unix://".length);
  if (!socketPath.startsWith("/") || socketPath.includes("\0")) {
    throw invalid(host, "names no absolute path; use unix:///path");
  }
  return { host, kind: "unix", socketPath };
}

function parseTcp(host: string, url: URL, options: EngineAddressOptions): EngineAddress {
  if (!url.hostname || url.username || url.password || url.search || url.hash) {
    throw invalid(host, "is not of the form tcp://host:port");
  }
  if (url.pathname !== "" && url.pathname !== "/") {
    throw invalid(host, "has a path, which an engine on TCP has not; use tcp://host:port");
  }
  const hostname = withoutBrackets(url.hostname);
  const secure = options.secure === true;
  if (!secure && options.allowPlainTcp !== true && !isLoopback(hostname)) {
    throw invalid(
      host,
      "would be spoken to without TLS, and whoever can read or alter that traffic owns the engine's machine; name the directory with ca.pem, cert.pem and key.pem (the option engine.certificates), or use ssh://",
    );
  }
  const port = url.port === "" ? (secure ? TLS_PORT : PLAIN_PORT) : Number(url.port);
  return { host, kind: "tcp", hostname, port, secure };
}

function parseSsh(host: string, url: URL): EngineAddress {
  if (url.password) throw invalid("ssh://…", "holds a password; use a key that ssh can find");
  if (!SSH_HOSTNAME.test(url.hostname) || url.search || url.hash) {
    throw invalid(host, "is not of the form ssh://user@host:port");
  }
  if (url.username && !SSH_USER.test(url.username)) {
    throw invalid(host, "has a user name with characters other than letters, digits and . _ @ -");
  }
  const socketPath = url.pathname === "/" ? "" : url.pathname;
  if (socketPath && !SSH_SOCKET_PATH.test(socketPath)) {
    throw invalid(host, "has a path with characters other than letters, digits and . _ / -");
  }
  return {
    host,
    kind: "ssh",
    hostname: withoutBrackets(url.hostname),
    ...(url.port && { port: Number(url.port) }),
    ...(url.username && { user: url.username }),
    ...(socketPath && { socketPath }),
  };
}

function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname === "::1") return true;
  return isIPv4(hostname) && hostname.startsWith("127.");
}

function invalid(host: string, reason: string): SandboxError {
  return new SandboxError({
    code: "invalid-argument",
    message: `The engine's address ${JSON.stringify(host)} ${reason}.`,
  });
}
