import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../config.ts";
import { createLogger } from "../logger.ts";
import { chooseProvider } from "./choose-provider.ts";
import type { ChosenProvider } from "./choose-provider.ts";

const NO_ENGINE = "unix:///nonexistent/docker.sock";

let folder: string;
let logLines: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "carrel-choose-"));
  logLines = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function choose(variables: Record<string, string>): Promise<ChosenProvider> {
  const config = readConfig({ DOCKER_HOST: NO_ENGINE, ...variables }, folder);
  return chooseProvider(config, createLogger({ write: (line) => void logLines.push(line) }));
}

async function leaveDockerFiles(): Promise<void> {
  const root = join(folder, "data/workspaces/docker");
  await mkdir(root, { recursive: true });
  await writeFile(join(root, "installation-id"), "0123456789abcdef");
}

describe("the choice of a sandbox", () => {
  it("falls back to embedded where no engine answers, and says so in one short line", async () => {
    const { provider, reason, fallback } = await choose({});
    await using _ = provider;
    expect(provider.info.name).toBe("embedded");
    expect(fallback).toBe(true);
    expect(reason).toMatch(/^Docker cannot be used: /);
    expect(logLines).toHaveLength(1);
    expect(JSON.parse(logLines[0] ?? "")).toMatchObject({
      level: "warn",
      code: "unavailable",
      msg: `sandboxes are embedded. ${reason}`,
    });
    expect(logLines[0]).not.toContain("stack");
  });

  it("stays with the embedded one where users have files in it, and says how to leave it", async () => {
    const first = await choose({});
    const sandbox = await first.provider.create("alice");
    await sandbox.write("kept.txt", "kept");
    await first.provider[Symbol.asyncDispose]();
    // An address that Docker would be refused for, so that it shows whether it was tried.
    const { provider, reason, fallback } = await choose({ DOCKER_HOST: "tcp://engine:2375" });
    await using _ = provider;
    expect(provider.info.name).toBe("embedded");
    expect(fallback).toBe(true);
    expect(reason).toContain("set CARREL_SANDBOX=docker");
    expect((await provider.list()).map(({ key }) => key)).toEqual(["alice"]);
  });

  it("is no fallback where embedded was asked for", async () => {
    await leaveDockerFiles();
    const { provider, reason, fallback } = await choose({ CARREL_SANDBOX: "embedded" });
    await using _ = provider;
    expect({ reason, fallback }).toEqual({ reason: "CARREL_SANDBOX says so.", fallback: false });
  });

  it("does not fall back where users have files on Docker", async () => {
    await leaveDockerFiles();
    const refused = choose({});
    await expect(refused).rejects.toBeInstanceOf(ConfigError);
    await expect(refused).rejects.toThrow(/workspaces\/docker, .*set CARREL_SANDBOX=embedded\.\n/);
  });

  it.each([
    [{ CARREL_SANDBOX: "docker" }, /^CARREL_SANDBOX is docker, /],
    [{ DOCKER_HOST: "tcp://engine:2375" }, /^Docker is set up wrongly: /],
  ])("names the variables where it refuses %j", async (variables, beginning) => {
    const refused = choose(variables);
    await expect(refused).rejects.toThrow(beginning);
    await expect(refused).rejects.toThrow(/\nDOCKER_HOST .*CARREL_IMAGE .*docker load/);
  });
});
