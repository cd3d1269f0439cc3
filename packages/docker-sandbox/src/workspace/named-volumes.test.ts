import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { Installation } from "../container/installation.ts";
import { createDockerProvider } from "../docker-provider.ts";
import { connectEngine } from "../engine/engine.ts";
import { LABELS } from "../hardening/create-body.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "../testing/engine.ts";

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
});
