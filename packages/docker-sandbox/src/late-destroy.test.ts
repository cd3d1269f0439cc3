import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createDockerProvider } from "./docker-provider.ts";
import { TEST_IMAGE, engineOrSkip, testEngineOptions } from "./testing/engine.ts";
import { startHoldingProxy } from "./testing/holding-proxy.ts";
import { expectNoLeaks } from "./testing/leak-check.ts";

describe.skipIf(!engineOrSkip())("A destruction that goes on late", () => {
  it("leaves alone the files of a sandbox that was made meanwhile", async () => {
    const root = await mkdtemp(join(tmpdir(), "carrel-late-"));
    const workspaceRoot = join(root, "workspaces");
    const options = { workspaceRoot, image: TEST_IMAGE };
    {
      await using proxy = await startHoldingProxy(/^POST .*\/kill/);
      await using provider = await createDockerProvider({
        ...options,
        engine: testEngineOptions(),
      });
      await using late = await createDockerProvider({ ...options, engine: { host: proxy.host } });
      const old = await provider.create("alice");
      await old.write("old", "old");
      const removal = late.remove("alice");
      await proxy.held;
      expect(await provider.remove("alice")).toBe(true);
      const sandbox = await provider.create("alice");
      await sandbox.write("new", "precious");

      proxy.letGo();
      await removal;

      expect((await sandbox.ls("/workspace")).map(({ name }) => name)).toEqual(["new"]);
      await sandbox.stop();
      await sandbox.resume();
      expect((await sandbox.execute("cat new")).stdout).toBe("precious");
      expect(await provider.remove("alice")).toBe(true);
    }
    await expectNoLeaks(workspaceRoot);
    await rm(root, { recursive: true });
  }, 120_000);
});
