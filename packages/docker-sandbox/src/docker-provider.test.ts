import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Installation } from "./container/installation.ts";
import { createDockerProvider } from "./docker-provider.ts";
import type { DockerSandboxProvider } from "./docker-provider.ts";
import { connectEngine } from "./engine/engine.ts";
import type { Engine } from "./engine/engine.ts";
import type { DockerProviderOptions } from "./provider-options.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "./testing/engine.ts";
import { startHoldingProxy } from "./testing/holding-proxy.ts";
import { expectNoLeaks } from "./testing/leak-check.ts";
import { HostDirectories } from "./workspace/host-directories.ts";

const TIMEOUT_MS = 120_000;

describe.skipIf(!engineOrSkip())("A provider of containers", { timeout: TIMEOUT_MS }, () => {
  let workspaceRoot: string;
  let options: DockerProviderOptions;
  let engine: Engine;
  let provider: DockerSandboxProvider;
  /** Name of the container of `alice`. */
  let name: string;

  beforeEach(async () => {
    workspaceRoot = await mkdtemp(join(tmpdir(), "carrel-provider-"));
    options = { workspaceRoot, image: TEST_IMAGE, engine: testEngineOptions() };
    engine = await connectEngine(testEngineOptions());
    provider = await createDockerProvider(options);
    await using files = await HostDirectories.open(workspaceRoot, { range: undefined });
    const installation = new Installation(await files.installationId(undefined));
    name = installation.containerName(installation.hashKey("alice"));
  }, TIMEOUT_MS);
  afterEach(async () => {
    await provider.remove("alice");
    await provider[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await expectNoLeaks(workspaceRoot);
    await rm(workspaceRoot, { recursive: true, force: true });
  }, TIMEOUT_MS);

  /** Directories of keys. */
  async function directories(): Promise<string[]> {
    return (await readdir(workspaceRoot)).filter((found) => /^[0-9a-f]{64}$/.test(found));
  }

  it("makes no second sandbox on the files of one that somebody renamed", async () => {
    const alice = await provider.create("alice");
    await alice.write("file", "kept");
    const container = engine.docker.getContainer(name);
    const { Id: id } = await container.inspect();
    await container.rename({ name: `${name}-renamed` });
    await using other = await createDockerProvider(options);
    const refusal = { code: "unavailable", message: expect.stringContaining(`${name}-renamed`) };
    await expect(other.create("alice")).rejects.toMatchObject(refusal);
    await expect(other.remove("alice")).rejects.toMatchObject(refusal);
    await engine.docker.getContainer(id).rename({ name });
    const found = (await other.find("alice"))!;
    expect((await found.execute("cat file")).stdout).toBe("kept");
  });

  it("leaves nothing of a creation that its caller gave up", async () => {
    await using proxy = await startHoldingProxy(
      /^POST .*\/containers\/create\?name=carrel-[0-9a-f]{12}-/,
    );
    {
      await using slow = await createDockerProvider({ ...options, engine: { host: proxy.host } });
      const stop = new AbortController();
      const creation = slow.create("alice", { signal: stop.signal });
      const given = expect(creation).rejects.toMatchObject({ code: "aborted" });
      await vi.waitFor(() => engine.docker.getContainer(name).inspect(), { timeout: 20_000 });
      stop.abort();
      await given;
      proxy.letGo();
    }
    await expect(engine.docker.getContainer(name).inspect()).rejects.toThrow(/404/);
    expect(await directories()).toEqual([]);
  });

  it("leaves no directory where a sandbox cannot be made", async () => {
    const foreign = await engine.docker.createContainer({ Image: TEST_IMAGE, Cmd: ["true"], name });
    await expect(provider.create("alice")).rejects.toMatchObject({ code: "unavailable" });
    expect(await directories()).toEqual([]);
    await foreign.remove();
  });

  it("removes what is left of a key also where many do so at once", async () => {
    await using other = await createDockerProvider(options);
    for (let round = 0; round < 3; round++) {
      const alice = await provider.create("alice");
      await alice.write("file", "x");
      await alice.stop();
      expect(await provider.discard("alice")).toBe(true);
      const both = [provider, other, provider, other];
      const removed = await Promise.all(both.map((one) => one.remove("alice")));
      expect(removed).toContain(true);
      expect(await directories()).toEqual([]);
    }
  });

  it("does not blame the memory where its owner stopped a sandbox", async () => {
    const small = { ...options, limits: { memoryBytes: 64 * 1024 ** 2 } };
    await using first = await createDockerProvider(small);
    const alice = await first.create("alice");
    await alice.execute("python3 -c 'x = bytearray(200 * 2**20)'");
    await alice.resume();
    await alice.stop();
    await alice.status();
    const message = expect.stringMatching(/is stopped; resume it first/);
    await expect(alice.execute("true")).rejects.toMatchObject({ message });
    await using second = await createDockerProvider(small);
    await expect((await second.find("alice"))!.execute("true")).rejects.toMatchObject({ message });
    expect(await alice.usage()).toMatchObject({
      memoryBytes: null,
      cpuMs: null,
      processCount: null,
      diskBytes: null,
    });
  });

  it("reaches a sandbox at once again where the engine refused for a state that passed", async () => {
    await provider.create("alice");
    await using proxy = await startHoldingProxy(/^POST .*\/containers\/.*\/exec/);
    await using other = await createDockerProvider({ ...options, engine: { host: proxy.host } });
    proxy.letGo();
    const alice = (await other.find("alice"))!;
    proxy.refusals = 2;
    expect((await alice.execute("echo here")).stdout).toBe("here\n");
  });

  it("says of one that the engine never lets in that it is not available", async () => {
    await provider.create("alice");
    await using proxy = await startHoldingProxy(/^POST .*\/containers\/.*\/exec/);
    await using other = await createDockerProvider({ ...options, engine: { host: proxy.host } });
    proxy.refusals = Infinity;
    const alice = (await other.find("alice"))!;
    await expect(alice.ls("/workspace")).rejects.toMatchObject({ code: "unavailable" });
  });
});
