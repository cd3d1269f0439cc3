import { SandboxError } from "@carrel/backend-protocol";
import type { FileInfo, Sandbox } from "@carrel/backend-protocol";
import { OpenAPIHono, createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { routeErrors } from "../errors/route-errors.ts";
import { MAX_UPLOAD_BYTES, limitStream, tooLarge } from "../http/body-limits.ts";
import { attachmentNamed } from "../http/content-disposition.ts";
import { exactLength } from "../http/exact-length.ts";
import type { Upload } from "../http/request-body.ts";
import { sendJson } from "../http/send-json.ts";
import type { AppEnv, AppServices } from "../services.ts";
import { fileListSchema, removedFileSchema, writtenFileSchema } from "../wire/files.ts";
import type { WireFileEntry } from "../wire/files.ts";
import { cursorOfName, nameOfCursor } from "./page-cursor.ts";
import { writeCondition } from "./write-condition.ts";
import { jsonAnswer } from "./json-answer.ts";
import { openSandbox, sessionParameter } from "./session-parameter.ts";

/** Entries of one answer if the caller gives no `limit`: what a page shows at once. */
const DEFAULT_PAGE_ENTRIES = 1000;

/** Most entries of one answer: about 2 MB of JSON, which takes the server some ten milliseconds. */
const MAX_PAGE_ENTRIES = 10_000;

const requiredPath = z.object({ path: z.string().min(1) });
const pageOfDirectory = z.object({
  path: z.string().min(1).default("."),
  limit: z
    .string()
    .regex(/^[0-9]{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(z.int().min(1).max(MAX_PAGE_ENTRIES))
    .default(DEFAULT_PAGE_ENTRIES)
    .meta({
      type: "integer",
      minimum: 1,
      maximum: MAX_PAGE_ENTRIES,
      default: DEFAULT_PAGE_ENTRIES,
      description: `Most entries to answer, 1 to ${MAX_PAGE_ENTRIES}; ${DEFAULT_PAGE_ENTRIES} if it is not given.`,
    }),
  after: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "`next` of the page before; also the name of an entry." }),
});
const directoryPath = z.object({ path: z.string().min(1).default(".") });
const bytes = z.string().meta({ type: "string", format: "binary" });

const listFiles = createRoute({
  method: "get",
  path: "/sessions/{session_id}/files",
  tags: ["files"],
  summary: "List a directory",
  description:
    "In pages, in the order of the bytes of the names. `next` is what to give as `after` for the page that follows.",
  request: { params: sessionParameter, query: pageOfDirectory },
  responses: {
    200: jsonAnswer("A page of its entries, hidden ones too.", fileListSchema),
    ...routeErrors(400, 404, 410, 413, 503),
  },
});

const readFile = createRoute({
  method: "get",
  path: "/sessions/{session_id}/files/content",
  tags: ["files"],
  summary: "Download a file",
  request: { params: sessionParameter, query: requiredPath },
  responses: {
    200: {
      description: "Its bytes, to be saved and not shown.",
      content: { "application/octet-stream": { schema: bytes } },
    },
    ...routeErrors(400, 404, 410, 503),
  },
});

const writeFile = createRoute({
  method: "put",
  path: "/sessions/{session_id}/files/content",
  tags: ["files"],
  summary: "Create or replace a file",
  description: "The body is the content, of any type. Missing parent directories are made.",
  request: {
    params: sessionParameter,
    query: requiredPath,
    headers: z.object({
      "if-match": z.string().optional().meta({
        description: "The quoted hash of the content that may be replaced.",
        example: '"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"',
      }),
      "if-none-match": z.string().optional().meta({
        description: "`*`: write only where nothing is.",
        example: "*",
      }),
    }),
    body: { content: { "application/octet-stream": { schema: bytes } } },
  },
  responses: {
    200: jsonAnswer("The file that was written.", writtenFileSchema),
    ...routeErrors(400, 404, 409, 410, 413, 503, 507),
  },
});

const removeFile = createRoute({
  method: "delete",
  path: "/sessions/{session_id}/files/content",
  tags: ["files"],
  summary: "Remove a file or an empty directory",
  request: { params: sessionParameter, query: requiredPath },
  responses: {
    200: jsonAnswer("Whether something was there.", removedFileSchema),
    ...routeErrors(400, 404, 410, 413, 503),
  },
});

const archiveFiles = createRoute({
  method: "get",
  path: "/sessions/{session_id}/files/archive",
  tags: ["files"],
  summary: "Download a directory",
  request: { params: sessionParameter, query: directoryPath },
  responses: {
    200: {
      description: "An uncompressed tar.",
      content: { "application/x-tar": { schema: bytes } },
    },
    ...routeErrors(400, 404, 410, 503),
  },
});

export function fileRoutes({ manager }: AppServices) {
  return new OpenAPIHono<AppEnv>()
    .openapi(listFiles, async (c) => {
      const sandbox = await openSandbox(manager, c.req.valid("param").session_id);
      const { path, limit, after } = c.req.valid("query");
      const found = await sandbox.ls(path, {
        signal: c.req.raw.signal,
        // The one beyond the page tells whether another page follows.
        limit: limit + 1,
        after: after === undefined ? undefined : nameOfCursor(after),
      });
      const entries = found.slice(0, limit);
      const last = found.length > limit ? entries.at(-1) : undefined;
      return sendJson(c, {
        files: entries.map(fileEntry),
        next: last === undefined ? null : cursorOfName(last.name),
      });
    })
    .openapi(readFile, async (c) => {
      const sandbox = await openSandbox(manager, c.req.valid("param").session_id);
      c.get("visit").take("transfers");
      const file = await openFile(sandbox, c.req.valid("query").path);
      const headers = downloadHeaders(file.name, "application/octet-stream");
      if (file.sizeBytes !== null) headers["Content-Length"] = String(file.sizeBytes);
      const stream = await sandbox.readStream(file.path, { signal: c.req.raw.signal });
      const body = file.sizeBytes === null ? stream : exactLength(stream, file.sizeBytes);
      return sendBody(c, body, headers);
    })
    .openapi(writeFile, async (c) => {
      const sandbox = await openSandbox(manager, c.req.valid("param").session_id);
      const ifHash = writeCondition(c.req.valid("header"));
      const announced = Number(c.req.header("content-length") ?? 0);
      if (announced > MAX_UPLOAD_BYTES) throw tooLarge(MAX_UPLOAD_BYTES);
      c.get("visit").take("transfers");
      const upload = openBody(c);
      const written = await sandbox
        .write(
          c.req.valid("query").path,
          upload === null ? "" : limitStream(upload.stream, MAX_UPLOAD_BYTES),
          { signal: c.req.raw.signal, ...(ifHash !== undefined && { ifHash }) },
        )
        .catch((error: unknown) => {
          throw upload?.failure ?? error;
        });
      const { path, sizeBytes: size, hash, created } = written;
      return c.json({ path, size, hash, created }, 200);
    })
    .openapi(removeFile, async (c) => {
      const sandbox = await openSandbox(manager, c.req.valid("param").session_id);
      const { path } = c.req.valid("query");
      const removed = await sandbox.remove(path, { signal: c.req.raw.signal });
      return c.json({ removed }, 200);
    })
    .openapi(archiveFiles, async (c) => {
      const sandbox = await openSandbox(manager, c.req.valid("param").session_id);
      c.get("visit").take("transfers");
      const file = await requireFile(sandbox, c.req.valid("query").path);
      const headers = downloadHeaders(
        `${file.name === "/" ? "files" : file.name}.tar`,
        "application/x-tar",
      );
      const archive = await sandbox.archive(file.path, { signal: c.req.raw.signal });
      return sendBody(c, archive, headers);
    });
}

/** The body of an upload, from the socket if there is one; `null` if there is no body. */
function openBody(c: Context<AppEnv>): Upload | null {
  const upload = c.get("upload");
  if (upload !== undefined) return upload;
  const stream = c.req.raw.body;
  return stream && { stream, failure: null };
}

function fileEntry({ name, path, type, sizeBytes, modifiedAt }: FileInfo): WireFileEntry {
  return {
    name,
    path,
    is_dir: type === "directory",
    size: sizeBytes,
    modified_at: modifiedAt,
  };
}

async function requireFile(sandbox: Sandbox, path: string): Promise<FileInfo> {
  const file = await sandbox.stat(path);
  if (file !== null) return file;
  throw new SandboxError({ code: "not-found", message: `There is no file "${path}".` });
}

// The size of what a link leads to is not known before it is read.
async function openFile(
  sandbox: Sandbox,
  path: string,
): Promise<{ name: string; path: string; sizeBytes: number | null }> {
  const file = await requireFile(sandbox, path);
  return {
    name: file.name,
    path: file.path,
    sizeBytes: file.type === "file" ? file.sizeBytes : null,
  };
}

// Nobody reads the body of an answer to HEAD, so that it would stay open.
async function sendBody(
  c: Context<AppEnv>,
  body: ReadableStream<Uint8Array>,
  headers: Record<string, string>,
): Promise<Response> {
  if (c.req.method !== "HEAD") return c.body(body, 200, headers);
  await body.cancel();
  return c.body(null, 200, headers);
}

// What a user's sandbox holds is never shown as a page of this origin.
function downloadHeaders(name: string, contentType: string): Record<string, string> {
  return {
    "Content-Type": contentType,
    "Content-Disposition": attachmentNamed(name),
    "Content-Security-Policy": "sandbox",
  };
}
