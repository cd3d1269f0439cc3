import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDockerProvider } from "../docker-provider.ts";
import type { DockerSandboxProvider } from "../docker-provider.ts";
import { connectEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/engine.ts";
import type { FileSources } from "../hardening/create-body.ts";
import type { DockerProviderOptions } from "../provider-options.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { expectNoLeaks } from "../testing/leak-check.ts";
import { makeLegacyContainer } from "../testing/legacy-sandboxes.ts";
import type { LegacySandbox } from "../testing/legacy-sandboxes.ts";
import { HostDirectories } from "../workspace/host-directories.ts";
import { Installation, legacyHashKey } from "./installation.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 120_000;
const KEY = "alice@example.org";
const LEGACY = legacyHashKey(KEY);
const IS_ROOT = process.getuid?.() === 0;

describe.skipIf(!engineOrSkip() || !IS_ROOT)(
  "What has a name of before",
  { timeout: TIMEOUT_MS },
  () => {
    let root: string;
    let options: DockerProviderOptions;
    let engine: Engine;
    let installation: Installation;
    let hostsFile: string;

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), "carrel-legacy-"));
      options = { workspaceRoot: root, image: TEST_IMAGE, engine: testEngineOptions() };
      engine = await connectEngine(testEngineOptions());
      await using files = await HostDirectories.open(root, { shared: 61_000 });
      ({ hostsFile } = files);
      installation = new Installation(await files.installationId(undefined));
      await files.make(LEGACY);
      await fill(files.sources(LEGACY));
    });
    afterEach(async () => {
      {
        await using provider = await createDockerProvider(options);
        for (const { key } of await provider.list()) await provider.remove(key);
        await provider.remove(KEY);
      }
      await engine[Symbol.asyncDispose]();
      await expectNoLeaks(root);
      expect((await readdir(root)).filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
      await rm(root, { recursive: true });
    }, TIMEOUT_MS);

    async function fill({
      workspace,
      home,
    }: Pick<FileSources, "workspace" | "home">): Promise<void> {
      const script = `cd "$0" && mkdir -p a/b closed && echo x > a/b/f && ln a/b/f hard && ln -s /etc link
echo z > closed/in && chmod 0 closed && echo y > "$1/.profile" && chown -hR 61000:61000 "$0" "$1"`;
      await run("bash", ["-c", script, workspace, home]);
    }

    function sourcesOf(directory: string): FileSources {
      const [workspace, home] = ["workspace", "home"].map((place) => join(directory, place));
      return { type: "bind", workspace: workspace!, home: home! };
    }

    /** A container that has the files, as a server of before made it. */
    async function legacyContainer(more: { persistRoot?: boolean } = {}): Promise<LegacySandbox> {
      const files = sourcesOf(join(root, LEGACY));
      const made = await makeLegacyContainer(engine, {
        installation,
        key: KEY,
        files,
        hostsFile,
        ...more,
      });
      await rename(join(root, LEGACY, "of.nobody"), join(root, LEGACY, `of.${made.sandboxId}`));
      return made;
    }

    /** All files are there, of one uid of its own; nothing has the name of before. */
    async function expectTakenOver(provider: DockerSandboxProvider): Promise<void> {
      const sandbox = (await provider.find(KEY)) ?? (await provider.create(KEY));
      await sandbox.resume();
      const { stdout } = await sandbox.execute(
        "cat a/b/f hard ~/.profile; readlink link; stat -c '%a %h' closed hard; chmod 700 closed; cat closed/in; chmod 0 closed; find . ~ ! -user $(id -u); id -u",
      );
      expect(stdout).toMatch(/^x\nx\ny\n\/etc\n0 2\n644 2\nz\n\d{10}\n$/);
      expect(await provider.list()).toEqual([{ key: KEY, id: sandbox.id, status: "running" }]);
      expect(await readdir(root)).not.toContain(LEGACY);
      const name = installation.containerName(installation.hashKey(KEY));
      const { Name } = await engine.docker.getContainer(name).inspect();
      expect(Name).toBe(`/${name}`);
    }

    it("create: files without a container are the key's", async () => {
      await using provider = await createDockerProvider(options);
      expect(await provider.find(KEY)).toBeNull();
      await expectTakenOver(provider);
    });

    it("create: files without a container come into a warm sandbox", async () => {
      await using provider = await createDockerProvider({ ...options, warm: { size: 1 } });
      await expect.poll(() => provider.warmCount, { timeout: 60_000 }).toBe(1);
      const phases: string[] = [];
      await provider.create(KEY, { onProgress: ({ phase }) => phases.push(phase) });
      expect(phases).toEqual(["claiming"]);
      await expectTakenOver(provider);
    });

    it("find: a stopped sandbox is the same, with a uid of its own", async () => {
      const { sandboxId } = await legacyContainer();
      await using provider = await createDockerProvider(options);
      expect(await provider.list()).toEqual([{ key: KEY, id: sandboxId, status: "stopped" }]);
      expect((await provider.find(KEY))?.id).toBe(sandboxId);
      await expectTakenOver(provider);
      expect((await provider.find(KEY))?.id).toBe(sandboxId);
    });

    it("find: a running sandbox goes on, and has a uid of its own from its next start", async () => {
      const { containerId, sandboxId } = await legacyContainer();
      await engine.docker.getContainer(containerId).start();
      await using provider = await createDockerProvider(options);
      expect(await provider.list()).toEqual([{ key: KEY, id: sandboxId, status: "running" }]);
      const sandbox = (await provider.find(KEY))!;
      expect((await sandbox.execute("id -u; cat a/b/f; echo new > n")).stdout).toBe("61000\nx\n");
      await expect(provider.create(KEY)).rejects.toMatchObject({ code: "already-exists" });
      expect((await sandbox.execute("id -u; cat n")).stdout).toBe("61000\nnew\n");
      await sandbox.stop();
      await sandbox.resume();
      expect((await sandbox.execute("cat n")).stdout).toBe("new\n");
      await expectTakenOver(provider);
    });

    it("find: 20 who ask at once in two processes find one sandbox", async () => {
      const { sandboxId } = await legacyContainer();
      await using first = await createDockerProvider(options);
      await using second = await createDockerProvider(options);
      const found = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 ? first : second).find(KEY)),
      );
      expect(found.map((sandbox) => sandbox?.id)).toEqual(found.map(() => sandboxId));
      await Promise.all(
        [first.find(KEY), second.find(KEY)].map(async (each) => (await each)!.resume()),
      );
      await expectTakenOver(first);
      await expectTakenOver(second);
    });

    it("find: goes on where only the container was renamed", async () => {
      const { containerId } = await legacyContainer();
      const name = installation.containerName(installation.hashKey(KEY));
      await engine.docker.getContainer(containerId).rename({ name });
      await using provider = await createDockerProvider(options);
      await expectTakenOver(provider);
    });

    it.each([false, true])(
      "find: a claim that was cut off is finished, recovered before: %s",
      async (waits) => {
        const slotId = "0123456789abcdef-0123456789abcdef";
        const claim = join(root, ".claims", `${slotId}.${LEGACY}`);
        await mkdir(join(claim, "of.docker-0123456789abcdef"), { recursive: true });
        for (const place of ["workspace", "home"]) await mkdir(join(claim, place));
        await mkdir(join(root, ".slots"));
        await run("chown", ["61000:61000", join(claim, "workspace"), join(claim, "home")]);
        await writeFile(join(claim, "key"), installation.seal(KEY));
        const made = await makeLegacyContainer(engine, {
          installation,
          key: KEY,
          files: sourcesOf(claim),
          hostsFile,
          slotId,
        });
        await engine.docker.getContainer(made.containerId).start();
        await run("mv", [join(root, LEGACY, "workspace", "a"), join(claim, "workspace", "a")]);
        await using provider = await createDockerProvider(options);
        if (waits) await expect.poll(() => readdir(join(root, ".claims"))).toEqual([]);
        const sandbox = (await provider.find(KEY))!;
        expect(sandbox.id).toBe(made.sandboxId);
        expect((await sandbox.execute("cat a/b/f hard")).stdout).toBe("x\nx\n");
        await sandbox.stop();
        await expectTakenOver(provider);
      },
    );

    it("remove: deletes the files and the container of before", async () => {
      await legacyContainer();
      await using provider = await createDockerProvider(options);
      expect(await provider.remove(KEY)).toBe(true);
      expect(await provider.remove(KEY)).toBe(false);
      expect(await provider.find(KEY)).toBeNull();
    });

    it("resume: a container that is kept has its files and its uid as before", async () => {
      const { containerId } = await legacyContainer({ persistRoot: true });
      const keeping = { ...options, persistRoot: true };
      await using provider = await createDockerProvider(keeping);
      const sandbox = (await provider.find(KEY))!;
      await sandbox.resume();
      expect((await sandbox.execute("id -u; cat a/b/f")).stdout).toBe("61000\nx\n");
      const name = installation.containerName(installation.hashKey(KEY));
      expect((await engine.docker.getContainer(name).inspect()).Id).toBe(containerId);
      await provider.remove(KEY);
      await rm(join(root, LEGACY), { force: true });
    });
  },
);
