import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { SandboxError, StartProgress } from "@carrel/backend-protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Containers } from "../container/containers.ts";
import type { WarmContainer } from "../container/containers.ts";
import { Installation } from "../container/installation.ts";
import { createDockerProvider } from "../docker-provider.ts";
import type { DockerSandboxProvider } from "../docker-provider.ts";
import { connectEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/engine.ts";
import type { DockerProviderOptions } from "../provider-options.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { TEST_UID_PATTERN, TEST_UIDS } from "../testing/uid.ts";
import { expectNoWarmLeaks, untilWarm } from "../testing/warm.ts";
import { HostDirectories } from "../workspace/host-directories.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;

describe.skipIf(!engineOrSkip())("A warm pool", { timeout: TIMEOUT_MS }, () => {
  let workspaceRoot: string;
  let options: DockerProviderOptions;
  let engine: Engine;
  let installation: Installation;
  let containers: Containers;

  beforeEach(async () => {
    workspaceRoot = await mkdtemp(join(tmpdir(), "carrel-warm-"));
    options = { workspaceRoot, image: TEST_IMAGE, engine: testEngineOptions() };
    engine = await connectEngine(testEngineOptions());
    await using files = await HostDirectories.open(workspaceRoot, TEST_UIDS);
    installation = new Installation(await files.installationId(undefined));
    containers = new Containers(engine, installation);
  });
  afterEach(async () => {
    await engine[Symbol.asyncDispose]();
    {
      await using provider = await createDockerProvider(options);
      for (const { key } of await provider.list()) await provider.remove(key);
    }
    await expectNoWarmLeaks(workspaceRoot);
    await rm(workspaceRoot, { recursive: true, force: true });
  }, TIMEOUT_MS);

  async function openWarm(size: number): Promise<DockerSandboxProvider> {
    const provider = await createDockerProvider({ ...options, warm: { size } });
    await untilWarm(provider, size);
    return provider;
  }

  async function create(provider: DockerSandboxProvider, key: string): Promise<string[]> {
    const phases: StartProgress["phase"][] = [];
    await provider.create(key, { onProgress: ({ phase }) => phases.push(phase) });
    return phases;
  }

  /** The container that is claimed next. */
  async function oldest(): Promise<WarmContainer> {
    const found = await containers.listWarm();
    // The engine lists the newest first.
    return found.at(-1)!;
  }

  it("gives started sandboxes to new users, and shows none before", async () => {
    await using provider = await openWarm(2);
    expect(await provider.list()).toEqual([]);
    expect(await create(provider, "alice")).toEqual(["claiming"]);
    const alice = (await provider.find("alice"))!;
    expect((await alice.execute("pwd; ls -A . ~; id -u; hostname")).stdout).toMatch(
      new RegExp(`^/workspace\n.:\n\n/home/agent:\n${TEST_UID_PATTERN}\ncarrel\n$`),
    );
    expect(await provider.list()).toEqual([{ key: "alice", id: alice.id, status: "running" }]);
    await expect(provider.create("alice")).rejects.toMatchObject({ code: "already-exists" });
    // The slot that was taken for her second one is there again, or another in its place.
    await untilWarm(provider, 2);
    await provider.remove("alice");
    expect(await provider.list()).toEqual([]);
    expect(await provider.find("alice")).toBeNull();
    expect(await alice.status()).toBe("gone");
  });

  it("gives containers that are as hardened as others, and tell nothing of their users", async () => {
    await using provider = await openWarm(1);
    await provider.create("bob@example.org");
    await using cold = await createDockerProvider(options);
    await cold.create("cold");
    const [claimed, made] = await Promise.all(
      ["bob@example.org", "cold"].map((key) =>
        engine.docker.getContainer(containers.nameOf(installation.hashKey(key))).inspect(),
      ),
    );
    const { Mounts: claimedMounts, ...claimedHost } = claimed!.HostConfig;
    const { Mounts: madeMounts, ...madeHost } = made!.HostConfig;
    expect(claimedHost).toEqual(madeHost);
    const withoutSources = (mounts: typeof madeMounts): object[] =>
      (mounts ?? []).map((mount) => ({ ...mount, Source: mount.Type }));
    expect(withoutSources(claimedMounts)).toEqual(withoutSources(madeMounts));
    expect({ ...claimed!.Config, Labels: {} }).toEqual({ ...made!.Config, Labels: {} });
    expect(Object.keys(claimed!.Config.Labels).toSorted()).toEqual([
      "carrel.install",
      "carrel.sandbox",
      "carrel.spec",
      "carrel.uid",
      "carrel.warm",
    ]);
  });

  it("gives a user who has 200 files what was there, and keeps it through all of life", async () => {
    await using cold = await createDockerProvider(options);
    const first = await cold.create("carol");
    const filled = await first.execute(`umask 027
for i in $(seq 200); do head -c $((i * 10)) /dev/urandom > "file $i"; done
mkdir -p a/b/c && echo deep > a/b/c/d && ln -s /etc/passwd link && ln -s missing broken
: > "$(printf 'line\\nbreak')"; : > "$(printf 'bytes\\377')"; : > .hidden; chmod 711 "file 7"
mkdir ~/.local && echo tool > ~/.local/tool; chmod 755 /workspace`);
    expect(filled).toMatchObject({ exitCode: 0, stderr: "" });
    const show = `cd / && stat -c '%n %a %U' workspace
find workspace home/agent -mindepth 1 -printf '%p %y %m %U %G %T@ %l\\0' | sort -z | sed -z "s/ $(id -u) $(id -u) / own own /" | md5sum
find workspace home/agent -type f -exec md5sum {} + | sort | md5sum`;
    const before = (await first.execute(show)).stdout;
    await first.stop();
    expect(await cold.discard("carol")).toBe(true);

    await using provider = await openWarm(1);
    expect(await create(provider, "carol")).toEqual(["claiming"]);
    const sandbox = (await provider.find("carol"))!;
    expect((await sandbox.execute(show)).stdout).toBe(before);
    await sandbox.pause!();
    await sandbox.resume();
    expect((await sandbox.execute(show)).stdout).toBe(before);
    await sandbox.stop();
    expect(await cold.list()).toEqual([{ key: "carol", id: sandbox.id, status: "stopped" }]);
    // Its container is another one now, with the key's own directories.
    await sandbox.resume();
    expect((await sandbox.execute(show)).stdout).toBe(before);
    expect(await sandbox.status()).toBe("running");
    // The first handle is of a sandbox that was discarded.
    expect(await first.status()).toBe("gone");
    await sandbox.stop();
    expect(await provider.discard("carol")).toBe(true);
    expect(await provider.remove("carol")).toBe(true);
  });

  it.each<[string, (found: WarmContainer) => Promise<unknown>]>([
    ["killed", ({ id }) => engine.docker.getContainer(id).kill()],
    ["paused", ({ id }) => engine.docker.getContainer(id).pause()],
    ["removed", ({ id }) => engine.docker.getContainer(id).remove({ force: true, v: true })],
    ["renamed", ({ id, slotId }) => engine.docker.getContainer(id).rename({ name: slotId })],
    ["left by its agent", ({ id }) => run("docker", ["exec", id, "sh", "-c", "kill -9 -1"])],
  ])("serves users though a sandbox of it was %s", async (_, harm) => {
    await using provider = await openWarm(2);
    await harm(await oldest()).catch(() => undefined);
    for (const key of ["dave", "erin"]) {
      const phases = await create(provider, key);
      expect(["claiming", "creating,starting"]).toContain(phases.join());
      const sandbox = (await provider.find(key))!;
      expect((await sandbox.execute("echo fine")).stdout).toBe("fine\n");
    }
    await untilWarm(provider, 2);
    expect(await create(provider, "frank")).toEqual(["claiming"]);
  });

  it("serves users who want more than it has, and is filled again", async () => {
    await using provider = await openWarm(1);
    const keys = ["g", "h", "i"];
    const phases = await Promise.all(keys.map((key) => create(provider, key)));
    expect(phases.filter(([phase]) => phase === "claiming")).toHaveLength(1);
    await untilWarm(provider, 1);
    expect((await provider.list()).map(({ key }) => key).toSorted()).toEqual(keys);
  });

  it("is not claimed by two, in two processes, for 30 rounds", { timeout: 600_000 }, async () => {
    await using first = await openWarm(3);
    await using second = await openWarm(3);
    for (let round = 0; round < 30; round++) {
      const key = `round ${round}`;
      const calls = Array.from({ length: 50 }, (_, index) =>
        (index % 2 === 0 ? first : second).create(key),
      );
      const results = await Promise.allSettled(calls);
      const made = results.filter(({ status }) => status === "fulfilled");
      const codes = results.flatMap((result) =>
        result.status === "rejected" ? [String((result.reason as SandboxError).code)] : [],
      );
      expect({ round, made: made.length, codes: new Set(codes) }).toEqual({
        round,
        made: 1,
        codes: new Set(["already-exists"]),
      });
      expect(await first.list()).toHaveLength(1);
      const found = (await second.find(key))!;
      expect((await found.execute("echo one")).stdout).toBe("one\n");
      expect(await first.remove(key)).toBe(true);
    }
  });

  it("gives many users at once what is theirs", { timeout: 300_000 }, async () => {
    await using first = await openWarm(3);
    await using second = await openWarm(3);
    const keys = Array.from({ length: 12 }, (_, index) => `user ${index}`);
    const made = await Promise.all(
      keys.map((key, index) => (index % 2 === 0 ? first : second).create(key)),
    );
    await Promise.all(made.map((sandbox) => sandbox.write("whose", sandbox.key)));
    for (const key of keys) {
      const found = (await first.find(key))!;
      expect(Buffer.from((await found.read("whose"))!).toString()).toBe(key);
    }
    expect(new Set(made.map(({ id }) => id)).size).toBe(keys.length);
  });

  it("is drained with its provider, also amid filling", async () => {
    const provider = await createDockerProvider({ ...options, warm: { size: 4 } });
    await untilWarm(provider, 1);
    await provider[Symbol.asyncDispose]();
    expect(await containers.listWarm()).toEqual([]);
    expect(await readdir(join(workspaceRoot, ".slots"))).toEqual([]);
  });

  it("of one provider is left alone by another that starts", async () => {
    await using first = await openWarm(1);
    const before = await containers.listWarm();
    await using second = await openWarm(1);
    expect(await containers.listWarm()).toEqual(expect.arrayContaining(before));
    expect(await create(first, "nora")).toEqual(["claiming"]);
    expect((await second.find("nora"))?.key).toBe("nora");
  });

  it("is filled again after somebody removed all of it", async () => {
    await using provider = await openWarm(2);
    for (const { id } of await containers.listWarm()) await containers.remove(id);
    await vi.waitFor(() => expect(provider.warmCount).toBeLessThan(2));
    await untilWarm(provider, 2);
    expect(await create(provider, "olga")).toEqual(["claiming"]);
  });
});
