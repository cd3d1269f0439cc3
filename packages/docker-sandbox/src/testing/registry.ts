import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pack } from "tar-stream";

/** An image registry on loopback, to which engines of this machine speak plain HTTP. */
export interface TestRegistry extends AsyncDisposable {
  /** Name of its only image, without a tag. */
  image: string;
  /** Method and path of each request so far. */
  requests: readonly string[];
}

interface Blob {
  type: string;
  content: Buffer;
}

interface Descriptor {
  mediaType: string;
  size: number;
  digest: string;
}

const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const CONFIG = "application/vnd.docker.container.image.v1+json";
const LAYER = "application/vnd.docker.image.rootfs.diff.tar";

/**
 * Has the tags `amd64` and `arm64`, `other-platform` (a list that has neither), `private`, and
 * `broken` (its layer is not there).
 */
export async function startRegistry(name: string): Promise<TestRegistry> {
  const blobs = new Map<string, Blob>();
  const keep = (type: string, content: Buffer): Descriptor => {
    const digest = digestOf(content);
    blobs.set(digest, { type, content });
    return { mediaType: type, size: content.length, digest };
  };
  const layer = await makeLayer(name);
  const stored = keep(LAYER, layer);
  const missing = { ...stored, digest: digestOf(Buffer.from("not there")) };
  const manifest = (architecture: string, ...layers: Descriptor[]): Descriptor => {
    const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
    const config = keep(CONFIG, asJson({ architecture, os: "linux", config: {}, rootfs }));
    return keep(MANIFEST, asJson({ schemaVersion: 2, mediaType: MANIFEST, config, layers }));
  };
  const other = { ...manifest("s390x", stored), platform: S390X };
  const list = asJson({ schemaVersion: 2, mediaType: LIST, manifests: [other] });
  const tags = new Map([
    ["amd64", manifest("amd64", stored).digest],
    ["arm64", manifest("arm64", stored).digest],
    ["broken", manifest("amd64", missing).digest],
    ["other-platform", keep(LIST, list).digest],
  ]);
  return serve(name, tags, blobs);
}

const S390X = { architecture: "s390x", os: "linux" };

async function serve(
  name: string,
  tags: Map<string, string>,
  blobs: Map<string, Blob>,
): Promise<TestRegistry> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const [, , , kind = "", id = ""] = (request.url ?? "").split("/");
    if (kind === "") return void response.end("{}");
    if (id === "private") return void response.writeHead(401).end(refusal("UNAUTHORIZED"));
    const found = blobs.get(tags.get(id) ?? id);
    const unknown = kind === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN";
    if (!found) return void response.writeHead(404).end(refusal(unknown));
    response.setHeader("content-type", found.type);
    response.setHeader("content-length", found.content.length);
    response.setHeader("docker-content-digest", digestOf(found.content));
    response.end(request.method === "HEAD" ? undefined : found.content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    image: `127.0.0.1:${port}/${name}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function makeLayer(content: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "hello", mode: 0o644 }, content);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function refusal(code: string): string {
  return JSON.stringify({ errors: [{ code, message: code.toLowerCase().replace("_", " ") }] });
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function asJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
