import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Containers } from "../container/containers.ts";
import { Installation } from "../container/installation.ts";
import { createDockerProvider } from "../docker-provider.ts";
import type { DockerSandboxProvider } from "../docker-provider.ts";
import { connectEngine } from "../engine/engine.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { TEST_UIDS } from "../testing/uid.ts";
import { expectNoWarmLeaks } from "../testing/warm.ts";
import { HostDirectories } from "../workspace/host-directories.ts";

const run = promisify(execFile);
const SERVER = fileURLToPath(new URL("../testing/unfinished-claims.ts", import.meta.url));
/** As many as a claim has steps in that server, and one that has none. */
const STEPS = 18;
const FILL = `cd "$1" && for i in $(seq 30); do echo "$3 $i" > "file $i"; done
mkdir -p folder/in && echo "$3" > folder/in/it && ln -s folder link && printf x > "$(printf 'line\\nbreak')"
cd "$2" && mkdir -p .local/bin && echo "$3" > .local/bin/tool && chmod 750 .local/bin/tool && echo h > .profile`;
// All of it belongs to whom the sandbox runs as, whoever that is.
const SHOW = `for place in "$1" "$2"; do cd "$place"; find . -not -name . -printf '%p %y %m %U %s %l\\0' | sort -z | tr '\\0' '|' | sed "s/ $(id -u) / own /g"
find . -type f -exec md5sum {} + | sort; done`;
const own = process.getuid?.() ?? 1000;

describe.skipIf(!engineOrSkip())("A server that was killed amid claims", () => {
  let workspaceRoot: string;
  let options: { workspaceRoot: string; image: string; engine: { host?: string } };
  let before: Map<string, string>;

  beforeEach(async () => {
    workspaceRoot = await mkdtemp(join(tmpdir(), "carrel-recovery-"));
    options = { workspaceRoot, image: TEST_IMAGE, engine: testEngineOptions() };
    before = new Map();
    await using files = await HostDirectories.open(workspaceRoot, TEST_UIDS);
    const installation = new Installation(await files.installationId(undefined));
    for (let index = 0; index < STEPS; index++) {
      const key = `user ${index}`;
      const uid = await files.make(installation.hashKey(key));
      const { workspace, home } = files.sources(installation.hashKey(key));
      const bash = (script: string): Promise<{ stdout: string }> =>
        run("bash", ["-c", script, "-", workspace, home, key], { uid, gid: uid, cwd: "/" });
      // In directories that nobody else may enter.
      const enter =
        own === 0 ? [workspaceRoot, join(workspaceRoot, installation.hashKey(key))] : [];
      for (const path of enter) await chmod(path, 0o711);
      await bash(FILL);
      before.set(key, (await bash(SHOW)).stdout);
      for (const path of enter) await chmod(path, 0o700);
    }
  }, 60_000);

  afterEach(async () => {
    await using provider = await createDockerProvider(options);
    for (const key of before.keys()) await provider.remove(key);
    await vi.waitFor(() => expectNoWarmLeaks(workspaceRoot), { timeout: 60_000, interval: 200 });
    await rm(workspaceRoot, { recursive: true, force: true });
  }, 240_000);

  async function crash(): Promise<void> {
    const nodeOptions = ["--conditions=@carrel/source", SERVER, workspaceRoot, String(STEPS)];
    const server = spawn(process.execPath, nodeOptions, { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(server.stdout, "data")) as [Buffer];
    expect(String(said)).toBe(`ready ${STEPS}\n`);
    server.kill("SIGKILL");
    await once(server, "exit");
  }

  async function expectUnchanged(provider: DockerSandboxProvider): Promise<void> {
    for (const [key, shown] of before) {
      const sandbox = (await provider.find(key)) ?? (await provider.create(key));
      await sandbox.resume();
      const now = await sandbox.execute(`set -- /workspace /home/agent\n${SHOW}`);
      expect({ key, shown: now.stdout }).toEqual({ key, shown });
    }
    const listed = await provider.list();
    expect(listed.map(({ key }) => key).toSorted()).toEqual([...before.keys()].toSorted());
  }

  it("leaves nobody's files behind for whoever asks first", { timeout: 240_000 }, async () => {
    await crash();
    await using provider = await createDockerProvider(options);
    await expectUnchanged(provider);
  });

  it(
    "leaves sandboxes that can be listed, and nothing else, to the next one",
    {
      timeout: 240_000,
    },
    async () => {
      await crash();
      await using provider = await createDockerProvider({ ...options, warm: { size: 1 } });
      await vi.waitFor(
        async () => {
          expect(await readdir(join(workspaceRoot, ".claims"))).toEqual([]);
          expect(await readdir(join(workspaceRoot, ".slots"))).toHaveLength(1);
          expect(await readdir(join(workspaceRoot, ".pools"))).toHaveLength(1);
        },
        { timeout: 60_000, interval: 100 },
      );
      // Those that had come to a container: all but the first four.
      expect(await provider.list()).toHaveLength(STEPS - 4);
      await expectUnchanged(provider);
    },
  );

  it(
    "whose containers somebody removed leaves the files to another that lives",
    {
      timeout: 240_000,
    },
    async () => {
      await using provider = await createDockerProvider(options);
      await crash();
      await using engine = await connectEngine(testEngineOptions());
      await using files = await HostDirectories.open(workspaceRoot, TEST_UIDS);
      const installation = new Installation(await files.installationId(undefined));
      const containers = new Containers(engine, installation);
      for (const key of before.keys()) {
        await containers.remove(installation.containerName(installation.hashKey(key)));
      }
      await expectUnchanged(provider);
    },
  );
});
