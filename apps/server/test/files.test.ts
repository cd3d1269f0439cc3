import { createHash } from "node:crypto";
import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { MAX_UPLOAD_BYTES } from "../src/http/body-limits.ts";
import { listen } from "../src/http/listen.ts";
import { errorOf, startTestApp } from "./support/test-app.ts";
import type { TestApp } from "./support/test-app.ts";

const sha256 = (content: string | Uint8Array): string =>
  createHash("sha256").update(content).digest("hex");

const contentPath = (session: string, path: string): string =>
  `/sessions/${session}/files/content?path=${encodeURIComponent(path)}`;

async function names(app: TestApp, session: string, path = "."): Promise<string[]> {
  const answer = await app.request(`/sessions/${session}/files?path=${encodeURIComponent(path)}`);
  const { files } = (await answer.json()) as { files: { name: string }[] };
  return files.map(({ name }) => name);
}

describe("a file over HTTP", () => {
  it("comes back as the bytes that were put", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256);
    const put = await app.request(contentPath(session, "deep/er/b.bin"), {
      method: "PUT",
      body: bytes,
    });
    expect(await put.json()).toEqual({
      path: "/workspace/deep/er/b.bin",
      size: bytes.length,
      hash: sha256(bytes),
      created: true,
    });
    const got = await app.request(contentPath(session, "deep/er/b.bin"));
    expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
    expect(Object.fromEntries(got.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "content-length": String(bytes.length),
      "content-disposition": `attachment; filename="b.bin"; filename*=UTF-8''b.bin`,
      "content-security-policy": "sandbox",
      "x-content-type-options": "nosniff",
      "cache-control": "private, no-store",
    });
  });

  it("may be empty", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const put = await app.request(contentPath(session, "empty"), { method: "PUT" });
    expect(await put.json()).toMatchObject({ size: 0, hash: sha256("") });
    const got = await app.request(contentPath(session, "empty"));
    expect(got.headers.get("content-length")).toBe("0");
    expect(await got.text()).toBe("");
  });

  it("may have any name, which stays what it is", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const hostile = [
      "<img src=x onerror=alert(1)>",
      'a"; filename=evil',
      "x\r\nSet-Cookie: a=b",
      "..hidden",
      "ü 😀 %41",
      "-rf",
    ];
    for (const name of hostile) {
      expect((await app.put(session, name, name)).status).toBe(200);
      const got = await app.request(contentPath(session, name));
      expect(await got.text()).toBe(name);
      expect(got.headers.get("set-cookie")).toBeNull();
      expect(got.headers.get("content-disposition")).toMatch(
        /^attachment; filename="[ -~]*"; filename\*=UTF-8''[!-~]*$/,
      );
    }
    expect((await names(app, session)).toSorted()).toEqual(hostile.toSorted());
  });

  it("is replaced only where it is the one that was meant", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const put = (content: string, headers: Record<string, string>): Promise<Response> =>
      app.request(contentPath(session, "a.txt"), { method: "PUT", body: content, headers });
    expect((await put("one", { "If-None-Match": "*" })).status).toBe(200);
    expect(await errorOf(await put("two", { "If-None-Match": "*" }))).toMatchObject({
      status: 409,
      code: "conflict",
    });
    expect((await put("two", { "If-Match": `"${sha256("one")}"` })).status).toBe(200);
    expect(await errorOf(await put("three", { "If-Match": `"${sha256("one")}"` }))).toMatchObject({
      status: 409,
    });
    expect(await errorOf(await put("three", { "If-Match": "*" }))).toMatchObject({ status: 400 });
    expect(await (await app.request(contentPath(session, "a.txt"))).text()).toBe("two");
  });

  it("is removed, or was not there", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    await app.put(session, "a.txt", "a");
    const remove = async (path: string): Promise<Response> =>
      app.request(contentPath(session, path), { method: "DELETE" });
    expect(await (await remove("a.txt")).json()).toEqual({ removed: true });
    expect(await (await remove("a.txt")).json()).toEqual({ removed: false });
    await app.put(session, "d/a.txt", "a");
    expect(await errorOf(await remove("d"))).toMatchObject({ status: 400, code: "is-directory" });
  });

  it("that is not there or is a directory is an error", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    await app.put(session, "d/a.txt", "a");
    for (const method of ["GET", "HEAD"]) {
      const missing = await app.request(contentPath(session, "no"), { method });
      const directory = await app.request(contentPath(session, "d"), { method });
      expect([missing.status, directory.status]).toEqual([404, 400]);
    }
    const list = await app.request(`/sessions/${session}/files?path=d/a.txt`);
    expect(await errorOf(list)).toMatchObject({ status: 400, code: "not-directory" });
  });

  it("can be asked for its size alone", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    await app.put(session, "a.txt", "abc");
    const head = await app.request(contentPath(session, "a.txt"), { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([
      200,
      "3",
      "",
    ]);
  });

  it("stays inside its sandbox", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    for (const path of [
      "../../../../etc/passwd",
      "/etc/passwd",
      "..%2f..%2fetc/passwd",
      "/workspace/../../etc/hostname",
    ]) {
      const got = await app.request(contentPath(session, path));
      expect(await got.text()).not.toMatch(/root:|^[a-z0-9-]+\n$/);
    }
  });

  it("of more than the bound is refused, announced or not, and leaves nothing", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    const announced = await app.request(contentPath(session, "big"), {
      method: "PUT",
      body: "x",
      headers: { "Content-Length": String(MAX_UPLOAD_BYTES + 1) },
    });
    expect(await errorOf(announced)).toMatchObject({ status: 413, code: "too-large" });
    const piece = new Uint8Array(8 * 1024 * 1024);
    const body = new ReadableStream({ pull: (controller) => controller.enqueue(piece) });
    const endless = await app.request(contentPath(session, "big"), {
      method: "PUT",
      body,
      duplex: "half",
    });
    expect(await errorOf(endless)).toMatchObject({ status: 413, code: "too-large" });
    expect(await names(app, session)).toEqual([]);
  });

  it("whose client leaves in the middle leaves nothing", async () => {
    await using app = await startTestApp();
    const server = await listen(app.app, { host: "127.0.0.1", port: 0 });
    const session = await app.createSession();
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      `PUT ${contentPath(session, "half.txt")} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nonly a part`,
    );
    const before = app.logLines.length;
    socket.end();
    socket.destroySoon();
    await expect.poll(() => app.logLines.length).toBeGreaterThan(before);
    expect(await names(app, session)).toEqual([]);
    await server.close();
  });
});

describe("a directory over HTTP", () => {
  it("is listed with what is in it", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    await app.put(session, "src/a.txt", "abc");
    const root = await app.request(`/sessions/${session}/files`);
    expect(await root.json()).toMatchObject({
      files: [{ name: "src", path: "/workspace/src", is_dir: true }],
    });
    const inner = await app.request(`/sessions/${session}/files?path=src`);
    expect(await inner.json()).toMatchObject({
      files: [{ name: "a.txt", is_dir: false, size: 3 }],
    });
  });

  it("is downloaded as a tar of its name", async () => {
    await using app = await startTestApp();
    const session = await app.createSession();
    await app.put(session, "src/a.txt", "abc");
    const archive = await app.request(`/sessions/${session}/files/archive?path=src`);
    expect(archive.headers.get("content-type")).toBe("application/x-tar");
    expect(archive.headers.get("content-disposition")).toContain('filename="src.tar"');
    const tar = new TextDecoder("latin1").decode(await archive.arrayBuffer());
    expect(tar).toContain("src/a.txt");
    expect(tar).toContain("abc");
    expect((await app.request(`/sessions/${session}/files/archive?path=no`)).status).toBe(404);
  });
});
