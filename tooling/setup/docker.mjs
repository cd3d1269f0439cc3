import { existsSync } from "node:fs";
import { request } from "node:http";
import { findProgram } from "./find-program.mjs";
import { runStep } from "./run-process.mjs";

const SOCKET = "/var/run/docker.sock";
const SOCKET_SCHEME = "unix://";
const PING_TIMEOUT_MS = 2000;

/**
 * Whether an engine answers where sandboxes look for one. Whoever names another is told by what uses
 * it where it does not answer.
 *
 * @type {() => Promise<boolean>}
 */
export function engineAnswers() {
  return process.env.DOCKER_HOST ? Promise.resolve(true) : socketAnswers(SOCKET);
}

/**
 * Whether the server may find an engine; only over a network it is left to the server to look.
 *
 * @type {() => Promise<boolean>}
 */
export function engineMayAnswer() {
  const host = process.env.DOCKER_HOST || SOCKET_SCHEME + SOCKET;
  const isSocket = host.startsWith(SOCKET_SCHEME);
  return isSocket ? socketAnswers(host.slice(SOCKET_SCHEME.length)) : Promise.resolve(true);
}

/** @type {(socketPath: string) => Promise<boolean>} */
function socketAnswers(socketPath) {
  if (!existsSync(socketPath)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: "/_ping", timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on("timeout", () => ping.destroy());
    ping.on("error", () => resolve(false));
    ping.end();
  });
}

/** @type {() => string | undefined} */
export function findDocker() {
  return findProgram(["docker"]);
}

/** @type {(docker: string, image: string) => Promise<boolean>} */
export async function hasImage(docker, image) {
  return (await runStep(docker, ["image", "inspect", image], { quiet: true })).code === 0;
}
