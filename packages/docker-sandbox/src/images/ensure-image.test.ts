import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { connectEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/engine.ts";
import { engineOrSkip, TEST_IMAGE, testEngineOptions } from "../testing/engine.ts";
import { sendJson, startFakeEngine } from "../testing/fake-engine.ts";
import type { FakeAnswers } from "../testing/fake-engine.ts";
import { startRegistry } from "../testing/registry.ts";
import type { TestRegistry } from "../testing/registry.ts";
import { ensureImage } from "./ensure-image.ts";
import type { SandboxProgress } from "./sandbox-progress.ts";

describe.skipIf(!engineOrSkip())("An image on the engine of this machine", () => {
  let engine: Engine;
  let registry: TestRegistry;

  beforeAll(async () => {
    engine = await connectEngine(testEngineOptions());
    registry = await startRegistry(`carrel-test-${process.pid}`);
  });

  afterEach(async () => {
    const images = await engine.docker.listImages({
      filters: { reference: [`${registry.image}`] },
    });
    for (const { Id } of images) await engine.docker.getImage(Id).remove({ force: true });
  });

  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  it("is found by its name and by its id", async () => {
    const image = await ensureImage(engine, TEST_IMAGE);
    expect(image.id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(image.architecture).toBe(engine.info.architecture);
    await expect(ensureImage(engine, image.id)).resolves.toEqual(image);
  });

  it("is pulled where it is missing, once for all who ask, with its progress", async () => {
    const reference = `${registry.image}:${engine.info.architecture}`;
    const before = registry.requests.length;
    const progress: SandboxProgress[] = [];
    const ask = () => ensureImage(engine, reference, { onProgress: (p) => progress.push(p) });
    const images = await Promise.all([ask(), ask(), ask()]);
    expect(new Set(images.map(({ id }) => id)).size).toBe(1);
    const layers = registry.requests
      .slice(before)
      .filter((request) => request.startsWith("GET") && request.includes("/blobs/"));
    expect(layers.length).toBeLessThanOrEqual(2); // its configuration and its layer
    expect(progress.at(-1)).toMatchObject({
      phase: "pulling",
      image: reference,
      layers: 1,
      layersDone: 1,
    });
    const pulled = registry.requests.length;
    await ask();
    expect(registry.requests).toHaveLength(pulled);
  });

  it("is refused where it is for another architecture", async () => {
    const other = engine.info.architecture === "amd64" ? "arm64" : "amd64";
    await expect(ensureImage(engine, `${registry.image}:${other}`)).rejects.toMatchObject({
      code: "unsupported",
    });
  });

  it.each([
    ["nowhere", "not-found"],
    ["private", "not-found"],
    ["other-platform", "unsupported"],
    ["broken", "unavailable"],
  ])("with the tag %s is %s", async (tag, code) => {
    const reference = `${registry.image}:${tag}`;
    await expect(ensureImage(engine, reference)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(reference),
      cause: expect.any(Error),
    });
  });

  it("is unavailable where its registry does not listen", async () => {
    await expect(ensureImage(engine, "127.0.0.1:1/nobody/nothing")).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("registry cannot be reached"),
    });
  });

  it("is not looked for in a registry by its id", async () => {
    await expect(ensureImage(engine, `sha256:${"0".repeat(64)}`)).rejects.toMatchObject({
      code: "not-found",
    });
  });
});

describe("An image that must be pulled", () => {
  async function ensureWith(pull: (response: ServerResponse) => void, signal?: AbortSignal) {
    const answers: FakeAnswers = {
      "/images/create": (_request, response) => pull(response),
    };
    await using fake = await startFakeEngine(answers);
    await using engine = await connectEngine({ host: fake.host });
    return await ensureImage(engine, "python:3.12-slim", { signal });
  }

  it.each([
    ["write /var/lib/docker/tmp/x: no space left on device", "no-space"],
    ["no matching manifest for linux/amd64 in the manifest list entries", "unsupported"],
    ["pull access denied for x, repository does not exist or may require login", "not-found"],
    ["unauthorized: authentication required", "not-found"],
    ["dial tcp: lookup registry-1.docker.io: no such host", "unavailable"],
    ["toomanyrequests: You have reached your pull rate limit", "unavailable"],
  ])("fails in the middle: %s", async (message, code) => {
    const ensured = ensureWith((response) => {
      response.write('{"status":"Pulling fs layer","id":"0123456789ab"}\r\n');
      response.end(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`);
    });
    await expect(ensured).rejects.toMatchObject({ code });
  });

  it("fails before it begins", async () => {
    const ensured = ensureWith((response) =>
      sendJson(response, 404, { message: "manifest for python:3.12-slim not found" }),
    );
    await expect(ensured).rejects.toMatchObject({ code: "not-found" });
  });

  it("fails where the engine sends garbage", async () => {
    const ensured = ensureWith((response) => response.end("<html>"));
    await expect(ensured).rejects.toMatchObject({ code: "unavailable" });
  });

  it("fails where the engine goes away, and does not blame the registry", async () => {
    const ensured = ensureWith((response) => {
      response.write("{}\n", () => response.destroy());
    });
    await expect(ensured).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("closed the connection"),
    });
  });

  it("fails where it is still missing after its pull", async () => {
    await expect(ensureWith((response) => response.end())).rejects.toMatchObject({
      code: "not-found",
    });
  });

  it("is given up with the connection when its caller aborts", async () => {
    const caller = new AbortController();
    const closed = Promise.withResolvers<void>();
    const ensured = ensureWith((response) => {
      response.on("close", () => closed.resolve());
      response.write("{}\n", () => caller.abort());
    }, caller.signal);
    await expect(ensured).rejects.toMatchObject({ code: "aborted" });
    await closed.promise;
  });
});
