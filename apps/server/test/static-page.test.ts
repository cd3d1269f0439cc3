import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp } from "./support/test-app.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "carrel-page-"));
  await mkdir(join(folder, "dist/assets"), { recursive: true });
  await writeFile(join(folder, "dist/index.html"), "<!doctype html><title>Carrel</title>");
  await writeFile(join(folder, "dist/favicon.svg"), "<svg/>");
  await writeFile(join(folder, "dist/assets/app-1a2b.js"), "export {};");
  await writeFile(join(folder, "dist/assets/app-1a2b.css"), "a{}");
  await writeFile(join(folder, "dist/secret.json"), "canary");
  await writeFile(join(folder, "secret.txt"), "canary");
});

afterAll(() => rm(folder, { recursive: true }));

describe("the web page", () => {
  it.each([
    ["/", "text/html", "no-cache", "Carrel"],
    ["/favicon.svg", "image/svg+xml", "no-cache", "<svg/>"],
    ["/assets/app-1a2b.js", "text/javascript", "public, max-age=31536000, immutable", "export"],
    ["/assets/app-1a2b.css", "text/css", "public, max-age=31536000, immutable", "a{}"],
  ])("has %s", async (path, type, cacheControl, content) => {
    await using app = await startTestApp({ webRoot: join(folder, "dist") });
    const answer = await app.request(path);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toContain(type);
    expect(answer.headers.get("Cache-Control")).toBe(cacheControl);
    expect(answer.headers.get("Content-Security-Policy")).toContain("default-src 'self'");
    expect(await answer.text()).toContain(content);
  });

  it.each([
    "/assets/../../secret.txt",
    "/assets/%2e%2e/%2e%2e/secret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/assets/..%5c..%5csecret.txt",
    "/assets/%2e%2e%2fsecret.json",
    "/assets//etc/passwd",
    "/assets/",
    "/assets",
    "/assets/missing.js",
    "/secret.json",
    "/secret.txt",
    "/index.html/../secret.json",
    "/chat",
  ])("has nothing at %s", async (path) => {
    await using app = await startTestApp({ webRoot: join(folder, "dist") });
    const answer = await app.request(path);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("Cache-Control")).toContain("no-store");
    expect(await answer.text()).not.toContain("canary");
  });

  it("says how to build it where it is not built", async () => {
    await using app = await startTestApp();
    const answer = await app.request("/");
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("pnpm --filter @carrel/web build");
  });
});
