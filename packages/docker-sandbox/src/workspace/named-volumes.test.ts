import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { Installation, legacyHashKey } from "../container/installation.ts";
import { createDockerProvider } from "../docker-provider.ts";
import { connectEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS } from "../hardening/create-body.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";

import { makeLegacyContainer } from "../testing/legacy-sandboxes.ts";

const run = promisify(execFile);

describe.skipIf(!engineOrSkip())("Files in volumes of the engine", { timeout: 120_000 }, () => {
  it("last until they are removed, and are one sandbox's alone", async () => {
    const installationId = randomUUID();
    const installation = new Installation(installationId);
    const name = installation.containerName(installation.hashKey("alice"));
    await using engine = await connectEngine(testEngineOptions());
    await using provider = await createDockerProvider({
      installationId,
      image: TEST_IMAGE,
      engine: testEngineOptions(),
    });
    const alice = await provider.create("alice");
    await alice.write("file", "kept");
    await alice.stop();
    const container = engine.docker.getContainer((await described()).Id);
    await container.rename({ name: `${name}-renamed` });
    await expect(provider.create("alice")).rejects.toMatchObject({ code: "unavailable" });
    await container.rename({ name });
    expect(await provider.discard("alice")).toBe(true);
    const again = await provider.create("alice");
    expect((await again.execute("cat file; stat -c %a:%u . ~ | sort -u | wc -l")).stdout).toBe(
      "kept1\n",
    );
    expect(await provider.remove("alice")).toBe(true);
    expect(await provider.remove("alice")).toBe(false);
    const label = [`${LABELS.install}=${installation.label}`];
    expect((await engine.docker.listVolumes({ filters: { label } })).Volumes ?? []).toEqual([]);

    function described(): Promise<{ Id: string }> {
      return engine.docker.getContainer(name).inspect();
    }
  });

  it("give each sandbox a uid of its own, and keep it", async () => {
    const installationId = randomUUID();
    const options = { installationId, image: TEST_IMAGE, engine: testEngineOptions() };
    await using engine = await connectEngine(testEngineOptions());
    await using first = await createDockerProvider(options);
    await using second = await createDockerProvider(options);
    const show = "id -u; echo x > f; stat -c %u . ~ f | sort -u";
    const [alice, bob] = await Promise.all([first.create("alice"), second.create("bob")]);
    const shown = await Promise.all([alice, bob].map((each) => each.execute(show)));
    const [ofAlice, ofBob] = shown.map(({ stdout }) => stdout);
    expect(ofAlice).toMatch(/^(\d{10})\n\1\n$/);
    expect(ofBob).toMatch(/^(\d{10})\n\1\n$/);
    expect(ofAlice).not.toBe(ofBob);
    await alice.stop();
    const again = (await second.find("alice"))!;
    await again.resume();
    expect((await again.execute(show)).stdout).toBe(ofAlice);
    for (const key of ["alice", "bob"]) expect(await first.remove(key)).toBe(true);
    await expectNoVolumes(engine, new Installation(installationId));
  });

  it.each(["created", "running"])(
    "that a server of before made, of a sandbox that is %s",
    async (state) => {
      const installationId = randomUUID();
      const installation = new Installation(installationId);
      const options = { installationId, image: TEST_IMAGE, engine: testEngineOptions() };
      await using engine = await connectEngine(testEngineOptions());
      const hash = legacyHashKey("alice");
      const [workspace, home] = [
        installation.volumeName(hash, "workspace"),
        installation.volumeName(hash, "home"),
      ];
      const labels = { [LABELS.install]: installation.label, [LABELS.key]: hash };
      for (const name of [workspace, home]) {
        await engine.docker.createVolume({ Name: name, Labels: labels });
        const script =
          "mkdir -p /v/a/b /v/closed; echo x > /v/a/b/f; ln -s /etc/passwd /v/link; chmod 0 /v/closed; chmod 700 /v; chown -hR 61000:61000 /v";
        await run("docker", ["run", "--rm", "-v", `${name}:/v`, TEST_IMAGE, "sh", "-c", script]);
      }
      const files = { type: "volume" as const, workspace, home };
      const { containerId, sandboxId } = await makeLegacyContainer(engine, {
        installation,
        key: "alice",
        files,
      });
      if (state === "running") await engine.docker.getContainer(containerId).start();
      await using provider = await createDockerProvider(options);
      const alice = (await provider.find("alice"))!;
      expect(alice.id).toBe(sandboxId);
      if (state === "running") {
        expect((await alice.execute("id -u; cat a/b/f")).stdout).toBe("61000\nx\n");
        await alice.stop();
      }
      await using other = await createDockerProvider(options);
      await Promise.all([alice.resume(), other.find("alice").then((found) => found?.resume())]);
      const show = "cat a/b/f ~/a/b/f; stat -c %a closed; find . ~ ! -user $(id -u); id -u";
      expect((await alice.execute(show)).stdout).toMatch(/^x\nx\n0\n\d{10}\n$/);
      await alice.stop();
      await provider.discard("alice");
      const again = await other.create("alice");
      expect((await again.execute(show)).stdout).toMatch(/^x\nx\n0\n\d{10}\n$/);
      expect(await provider.remove("alice")).toBe(true);
      expect(await provider.find("alice")).toBeNull();
      await expectNoVolumes(engine, installation);
      const anew = await provider.create("alice");
      expect((await anew.execute("ls -A")).stdout).toBe("");
      expect(await provider.remove("alice")).toBe(true);
      await expectNoVolumes(engine, installation);
    },
  );
});

/** Neither of files nor of uids. */
async function expectNoVolumes(engine: Engine, installation: Installation): Promise<void> {
  const label = [`${LABELS.install}=${installation.label}`];
  const { Volumes: volumes } = await engine.docker.listVolumes({ filters: { label } });
  expect((volumes ?? []).map(({ Name }) => Name)).toEqual([]);
}
