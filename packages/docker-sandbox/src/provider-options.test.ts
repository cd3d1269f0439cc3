import { describe, expect, it, vi } from "vitest";
import type { EngineInfo } from "./engine/engine-info.ts";
import { checkMachine } from "./limits.ts";
import type { SandboxLimits } from "./limits.ts";
import { checkOptions } from "./provider-options.ts";
import type { DockerProviderOptions } from "./provider-options.ts";

const ROOT = { workspaceRoot: "/srv/carrel" };
const MACHINE = { cpuCount: 2, memoryBytes: 4 * 1024 ** 3 } as EngineInfo;

describe("The options of a provider", () => {
  it("have defaults that open nothing", () => {
    expect(checkOptions(ROOT)).toMatchObject({
      image: "python:3.12-slim",
      network: "none",
      persistRoot: false,
      env: {},
      limits: { memoryBytes: 1024 ** 3, cpus: 1, processes: 256, tmpBytes: 256 * 1024 ** 2 },
    });
  });

  const refused: Record<string, [Record<string, unknown>, RegExp]> = {
    "an option that there is not": [{ privileged: true }, /"privileged"/],
    "both an image and a runtime": [{ image: "a", runtime: "coding" }, /not both/],
    "an unknown runtime": [{ runtime: "cobol" }, /"cobol"/],
    "the host's network": [{ network: "host" }, /"host"/],
    "the network of a container": [{ network: "container:abc" }, /none or bridge/],
    "a runtime that is a path upwards": [{ ociRuntime: "../runc" }, /OCI runtime/],
    "neither a root nor an installation": [{ workspaceRoot: undefined }, /installationId/],
    "a short installation": [{ installationId: "mine" }, /16 to 128/],
    "an installation that is a path": [{ installationId: "../".repeat(8) }, /16 to 128/],
    "a variable whose name is syntax": [{ env: { "A=B": "x" } }, /"A=B"/],
    "a variable with a NUL": [{ env: { A: "x\0y" } }, /"A"/],
    "a variable of the agent's": [{ env: { CARREL_PROCESS: "1" } }, /CARREL_/],
    "the uid of root": [{ uids: { first: 0, count: 1 } }, /uids/],
    "the uid of the first process": [{ uids: { first: 60_000, count: 10_000 } }, /uids.*65534/],
    "a uid that is no number": [{ uids: { first: Number.NaN, count: 1 } }, /uids/],
    "too little memory": [{ limits: { memoryBytes: 1024 } }, /memoryBytes/],
    "no processors": [{ limits: { cpus: 0 } }, /cpus/],
    "too few processes for the agent": [{ limits: { processes: 8 } }, /processes/],
    "a pool whose size is no number": [{ warm: { size: "3" } }, /warm\.size/],
    "a pool of more than a thousand": [{ warm: { size: 1001 } }, /warm\.size/],
    "a pool that nobody fills": [{ warm: { size: 1, refillConcurrency: 0 } }, /refillConcurrency/],
    "a pool with an option that there is not": [{ warm: { size: 1, max: 2 } }, /warm\.max/],
    "a pool together with a root that lasts": [
      { warm: { size: 1 }, persistRoot: true },
      /persistRoot/,
    ],
    "a pool without workspaceRoot": [
      { warm: { size: 1 }, workspaceRoot: undefined, installationId: "0123456789abcdef" },
      /workspaceRoot/,
    ],
    "an engine that is a path": [{ engine: "/x" }, /engine must be an object/],
    "an unknown option of the engine": [{ engine: { socket: "/x" } }, /engine\.socket/],
    "an engine's host that is no text": [{ engine: { host: 5 } }, /engine\.host/],
    "a deadline that is none": [{ engine: { timeoutMs: 0 } }, /engine\.timeoutMs/],
    "a word for yes": [{ persistRoot: "yes" }, /persistRoot must be a boolean/],
    "a root that is no text": [{ workspaceRoot: 5 }, /workspaceRoot must be a string/],
    "limits that are null": [{ limits: null }, /limits must be an object/],
    "a limit that there is not": [{ limits: { memory: 5 } }, /limits\.memory/],
    "a limit that is text": [{ limits: { cpus: "1" } }, /limits\.cpus/],
    "a billion processors": [{ limits: { cpus: 1e9 } }, /limits\.cpus/],
    "variables that are null": [{ env: null }, /env must be an object/],
    "a pool that is a number": [{ warm: 3 }, /warm must be an object/],
    "a fraction of a file": [{ limits: { openFiles: 64.5 } }, /openFiles/],
  };

  it.each(Object.entries(refused))("do not take %s", (_what, [options, message]) => {
    const all = { ...ROOT, ...options } as DockerProviderOptions;
    expect(() => checkOptions(all)).toThrow(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringMatching(message),
      }),
    );
  });

  it("are an object", () => {
    for (const options of [undefined, null, "x"]) {
      expect(() => checkOptions(options as unknown as DockerProviderOptions)).toThrow(
        expect.objectContaining({ code: "invalid-argument" }),
      );
    }
  });

  it("take what is left undefined for its default", () => {
    const limits = { cpus: undefined } as unknown as SandboxLimits;
    expect(checkOptions({ ...ROOT, limits }).limits.cpus).toBe(1);
  });

  it("have limits that the engine's machine can give", () => {
    const check = (limits: SandboxLimits): void => {
      const { limits: checked } = checkOptions({ ...ROOT, limits });
      checkMachine(checked, { info: MACHINE, host: "unix:///engine" });
    };
    check({ cpus: 2, memoryBytes: 4 * 1024 ** 3 });
    const refusal = (message: RegExp): unknown =>
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringMatching(message),
      });
    expect(() => check({ cpus: 64 })).toThrow(refusal(/limits\.cpus is 64.* 2 processors/));
    expect(() => check({ memoryBytes: 1e15 })).toThrow(refusal(/limits\.memoryBytes/));
  });

  it.runIf(process.getuid?.() === 0)("uids: each sandbox has its own, of a range", () => {
    expect(checkOptions(ROOT).uids).toEqual({ range: undefined });
    const uids = { first: 100_000, count: 1000 };
    expect(checkOptions({ ...ROOT, uids }).uids).toEqual({ range: uids });
  });

  it("uids: one who is not root shares its own in directories of the host", () => {
    vi.spyOn(process, "getuid").mockReturnValue(1000);
    expect(checkOptions(ROOT).uids).toEqual({ shared: 1000 });
    const uids = { first: 100_000, count: 1000 };
    expect(() => checkOptions({ ...ROOT, uids })).toThrow(/not root/);
    const remote = { installationId: "0123456789abcdef", uids };
    expect(checkOptions(remote).uids).toEqual({ range: uids });
    vi.restoreAllMocks();
  });

  it("are not at fault where this process is nobody", () => {
    vi.spyOn(process, "getuid").mockReturnValue(65_534);
    expect(() => checkOptions(ROOT)).toThrow(expect.objectContaining({ code: "unsupported" }));
    vi.restoreAllMocks();
  });

  it("have no pool, and none of no size", () => {
    expect(checkOptions(ROOT).warm).toBeNull();
    const none = { warm: { size: 0 }, installationId: "0123456789abcdef" };
    expect(checkOptions(none).warm).toBeNull();
    expect(checkOptions({ ...ROOT, warm: { size: 3 } }).warm).toEqual({
      size: 3,
      refillConcurrency: 1,
    });
  });

  it("name a built-in runtime by its recipe", () => {
    expect(checkOptions({ ...ROOT, runtime: "coding" }).image).toMatchObject({ name: "coding" });
  });
});
