/** The options that messages of the Docker sandbox name, and the server's variables for them. */
const NAMES: readonly (readonly [string, string])[] = [
  ["the option engine.certificates", "DOCKER_CERT_PATH"],
  ["the option engine.host", "DOCKER_HOST"],
  ["the option image", "CARREL_IMAGE"],
  ["the option network", "CARREL_NETWORK"],
];

/** Returns a message of the Docker sandbox with the server's variables in place of its options. */
export function withVariables(message: string): string {
  return NAMES.reduce((text, [option, variable]) => text.replaceAll(option, variable), message);
}
