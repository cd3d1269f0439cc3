import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectEngine } from "../engine/engine.ts";
import type { Engine } from "../engine/engine.ts";
import type { SandboxProgress } from "../images/sandbox-progress.ts";
import { SANDBOX_UID } from "../hardening/create-body.ts";
import { engineOrSkip, TEST_IMAGE, TEST_LABEL, testEngineOptions } from "../testing/engine.ts";
import { buildRuntime } from "./build-runtime.ts";
import { RUNTIME_LABEL } from "./runtime-label.ts";
import type { RuntimeRecipe } from "./runtime-recipe.ts";

const PREFIX = `test-${process.pid}`;

describe.skipIf(!engineOrSkip())("A runtime on the engine of this machine", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await connectEngine(testEngineOptions());
  });

  afterAll(async () => {
    for (const tag of await tagsOf(PREFIX)) await engine.docker.getImage(tag).remove();
    // What the failed builds left.
    const filters = { label: [RUNTIME_LABEL], dangling: ["true"] };
    const images = await engine.docker.listImages({ filters });
    const ours = images.filter(({ Labels }) => Labels[RUNTIME_LABEL]?.startsWith(PREFIX));
    for (const { Id } of ours) await engine.docker.getImage(Id).remove({ force: true });
    await engine?.[Symbol.asyncDispose]();
  });

  function recipe(name: string, more: Partial<RuntimeRecipe> = {}): RuntimeRecipe {
    return { name: `${PREFIX}-${name}`, description: "", baseImage: TEST_IMAGE, ...more };
  }

  async function tagsOf(name: string): Promise<string[]> {
    const images = await engine.docker.listImages();
    const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
    return tags.filter((tag) => tag.startsWith(`carrel-runtime-${name}`));
  }

  async function runIn(image: string, ...command: string[]): Promise<string> {
    const container = await engine.docker.createContainer({
      Image: image,
      Cmd: command,
      User: `${SANDBOX_UID}:${SANDBOX_UID}`,
      Tty: true,
      Labels: { [TEST_LABEL]: "runtimes" },
      HostConfig: { NetworkMode: "none", ReadonlyRootfs: true },
    });
    try {
      const stream = await container.attach({ stream: true, stdout: true });
      await container.start();
      const output = Buffer.concat(await Readable.from(stream).toArray());
      return output.toString().replaceAll("\r\n", "\n").trim();
    } finally {
      await container.remove({ force: true });
    }
  }

  it("is built once, is there the next time, and works for the sandbox's user", async () => {
    const mine = recipe("works", {
      setup: [`printf 'it'"'"'s $HOME \\\\ "quoted"' > /etc/from-setup`],
      env: { GREETING: "hello world" },
    });
    const progress: SandboxProgress[] = [];
    const image = await buildRuntime(engine, mine, { onProgress: (p) => progress.push(p) });
    expect(image.tag).toMatch(new RegExp(`^carrel-runtime-${mine.name}:[0-9a-f]{16}$`));
    expect(progress).toContainEqual(
      expect.objectContaining({ phase: "building", runtime: mine.name, step: 5, steps: 6 }),
    );

    const again: SandboxProgress[] = [];
    await expect(buildRuntime(engine, mine, { onProgress: (p) => again.push(p) })).resolves.toEqual(
      image,
    );
    expect(again).toEqual([]);

    const shown = await runIn(
      image.id,
      "sh",
      "-c",
      'whoami; echo "$GREETING"; cat /etc/from-setup',
    );
    expect(shown).toBe('agent\nhello world\nit\'s $HOME \\ "quoted"');
    const { Config } = await engine.docker.getImage(image.id).inspect();
    expect(Config.Labels).toMatchObject({ [RUNTIME_LABEL]: mine.name });
  });

  it("is built once for all who ask at the same time", async () => {
    const mine = recipe("together", { setup: ["date +%s%N > /etc/built-at"] });
    const steps: number[] = [];
    const images = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        buildRuntime(engine, mine, {
          onProgress: (p) => index === 0 && p.phase === "building" && steps.push(p.step),
        }),
      ),
    );
    expect(new Set(images.map(({ id }) => id)).size).toBe(1);
    expect(steps).toEqual(steps.toSorted((one, other) => one - other));
  });

  it("ends with the same tag where two processes build it at the same time", async () => {
    await using other = await connectEngine(testEngineOptions());
    const mine = recipe("processes", { setup: ["date +%s%N > /etc/built-at"] });
    const [one, two] = await Promise.all([buildRuntime(engine, mine), buildRuntime(other, mine)]);
    expect(one.tag).toBe(two.tag);
    const latest = await buildRuntime(engine, mine);
    expect([one.id, two.id]).toContain(latest.id);
  });

  it("replaces its earlier version, unless a container uses that", async () => {
    const versions = ["1", "2", "3"].map((VERSION) => recipe("versions", { env: { VERSION } }));
    const [first, second, third] = versions as [RuntimeRecipe, RuntimeRecipe, RuntimeRecipe];
    const neighbour = await buildRuntime(engine, recipe("versions-too"));
    const one = await buildRuntime(engine, first);
    const user = await engine.docker.createContainer({
      Image: one.id,
      Cmd: ["true"],
      Labels: { [TEST_LABEL]: "runtimes" },
    });
    try {
      const two = await buildRuntime(engine, second);
      expect((await tagsOf(first.name)).toSorted()).toEqual(
        [one.tag, two.tag, neighbour.tag].toSorted(),
      );
    } finally {
      await user.remove();
    }
    const others = { repo: `carrel-test-${process.pid}`, tag: "others" };
    await engine.docker.getImage(one.tag).tag(others);
    const three = await buildRuntime(engine, third);
    await engine.docker.getImage(`${others.repo}:${others.tag}`).remove();
    expect((await tagsOf(first.name)).toSorted()).toEqual([three.tag, neighbour.tag].toSorted());
  });

  it("that cannot be built says so with the end of its output", async () => {
    const mine = recipe("fails", { setup: ["seq 1 1000 >&2; echo the reason >&2; exit 7"] });
    const error: unknown = await buildRuntime(engine, mine).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(/step 5 of 5 ended with code 7 \(the reason\); /),
    });
    expect((error as Error).message).toMatch(/\n1000\n/);
    expect((error as Error).message.length).toBeLessThan(10_000);
    expect(await tagsOf(mine.name)).toEqual([]);
    const containers = await engine.docker.listContainers({ all: true });
    expect(containers.filter(({ Command }) => Command.includes("the reason"))).toEqual([]);
  });

  it("is not begun where its base image is not there", async () => {
    const mine = recipe("baseless", { baseImage: `sha256:${"0".repeat(64)}` });
    await expect(buildRuntime(engine, mine)).rejects.toMatchObject({ code: "not-found" });
  });

  it("is no longer built when its caller aborts", async () => {
    const caller = new AbortController();
    const mine = recipe("aborted", { setup: ["echo waiting; sleep 600"] });
    const building = buildRuntime(engine, mine, {
      signal: caller.signal,
      onProgress: (p) => p.phase === "building" && p.line === "waiting" && caller.abort(),
    });
    await expect(building).rejects.toMatchObject({ code: "aborted" });
    await expect
      .poll(
        async () => {
          const containers = await engine.docker.listContainers();
          return containers.filter(({ Command }) => Command.includes("sleep 600")).length;
        },
        { timeout: 20_000 },
      )
      .toBe(0);
    expect(await tagsOf(mine.name)).toEqual([]);
  });
});
