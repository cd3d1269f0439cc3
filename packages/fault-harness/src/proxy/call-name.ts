const NAMES = new Map<string, string>([
  ["GET /version", "version"],
  ["GET /info", "info"],
  ["GET /_ping", "ping"],
  ["HEAD /_ping", "ping"],
  ["GET /events", "events"],
  ["POST /build", "build"],
  ["POST /images/create", "pull"],
  ["GET /images/json", "image-list"],
  ["POST /containers/create", "create"],
  ["GET /containers/json", "list"],
  ["GET /volumes", "volume-list"],
  ["POST /volumes/create", "volume-create"],
]);

const OF_ONE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  containers: { "": "remove", json: "inspect", exec: "exec-create" },
  exec: { start: "exec-start", json: "exec-inspect", resize: "exec-resize" },
  images: { "": "image-remove", json: "image-inspect", get: "image-save" },
  volumes: { "": "volume" },
};

/**
 * What a request asks of the engine, without version, ids and query: `create`, `start`, `exec-start`.
 * A verb of the engine that has no entry here is its own name (`rename`, `pause`); what is unknown is
 * its method and the first part of its path.
 */
export function callName(method: string, target: string): string {
  const path = target.replace(/[?#].*$/s, "").replace(/^\/v\d+\.\d+(?=\/)/, "");
  const known = NAMES.get(`${method} ${path}`);
  if (known !== undefined) return known;
  const [, kind = "", ...rest] = path.split("/");
  const verbs = OF_ONE[kind];
  if (!verbs || rest.length === 0) return `${method} /${kind}`;
  // The name of an image may have slashes, so that the verb is the last part, if it is one.
  const last = rest.length > 1 ? (rest.at(-1) ?? "") : "";
  const verb = kind === "images" && !Object.hasOwn(verbs, last) ? "" : last;
  if (Object.hasOwn(verbs, verb)) return verbs[verb] ?? verb;
  return verb;
}
