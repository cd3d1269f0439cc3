import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { FAKE_INFO, FAKE_VERSION, sendJson, startFakeEngine } from "../testing/fake-engine.ts";
import type { FakeAnswers } from "../testing/fake-engine.ts";
import { formatReport } from "./format-report.ts";
import { inspectHost } from "./inspect-host.ts";
import type { InspectHostOptions } from "./inspect-host.ts";
import type { HostReport } from "./host-report.ts";

const GOOD_INFO = {
  ...FAKE_INFO,
  KernelVersion: "6.8.0",
  OperatingSystem: "Debian",
  MemoryLimit: true,
  SwapLimit: true,
  PidsLimit: true,
  CpuCfsQuota: true,
  NCPU: 8,
  MemTotal: 16 * 1024 ** 3,
  SecurityOptions: ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
  LiveRestoreEnabled: true,
  DefaultRuntime: "runc",
  Runtimes: { runc: {}, runsc: {} },
  DriverStatus: [["Backing Filesystem", "xfs"]],
};

interface FakeInspection extends Partial<InspectHostOptions> {
  version?: object;
  answers?: FakeAnswers;
}

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "carrel-doctor-"));
});

afterAll(async () => {
  await rm(root, { recursive: true });
});

function statusOf({ checks }: HostReport, name: string): string | undefined {
  return checks.find((check) => check.name === name)?.status;
}

const IMAGE_ANSWER = { Id: `sha256:${"a".repeat(64)}`, Architecture: "amd64" };

async function inspectFake(
  info: object,
  { version = FAKE_VERSION, answers = {}, ...options }: FakeInspection = {},
): Promise<HostReport> {
  await using fake = await startFakeEngine({
    "/info": info,
    "/version": version,
    "/images/python:3.12-slim/json": IMAGE_ANSWER,
    ...answers,
  });
  const workspaceRoot = join(root, "not/yet/there");
  const kernelSettings = join(root, "none");
  return await inspectHost({ host: fake.host, workspaceRoot, kernelSettings, ...options });
}

describe("Looking at a host", () => {
  it.skipIf(!engineOrSkip())("finds what this machine has, and changes nothing", async () => {
    const workspaceRoot = join(root, "workspaces");
    const report = await inspectHost({ ...testEngineOptions(), workspaceRoot });
    expect(statusOf(report, "engine")).toBe("ok");
    expect(statusOf(report, "seccomp")).toBe("ok");
    expect(statusOf(report, "workspaces")).toMatch(/ok|warning/);
    expect(await readdir(root)).toEqual([]);
  });

  it("has nothing to say of a good one", async () => {
    const report = await inspectFake(GOOD_INFO);
    const bad = report.checks.filter(
      ({ name, status }) =>
        status !== "ok" && !["weakness", "workspaces", "disks", "agent"].includes(name),
    );
    expect(bad).toEqual([]);
    expect(report.checks.map(({ found }) => found)).toContainEqual(
      expect.stringContaining("runsc"),
    );
  });

  it.each([
    ["limits", { PidsLimit: false }, "missing"],
    ["limits", { SwapLimit: false }, "warning"],
    ["seccomp", { SecurityOptions: [] }, "missing"],
    ["access rules", { SecurityOptions: ["name=seccomp,profile=builtin"] }, "warning"],
    ["user ids", { SecurityOptions: ["name=seccomp", "name=rootless"] }, "missing"],
    ["user ids", { SecurityOptions: ["name=seccomp", "name=userns"] }, "missing"],
    ["kernel", { KernelVersion: "5.4.0-generic" }, "warning"],
    ["machine", { MemTotal: 1024 ** 3 }, "warning"],
    ["live restore", { LiveRestoreEnabled: false }, "warning"],
    ["engine says", { Warnings: ["WARNING: bridge-nf-call-iptables is disabled"] }, "warning"],
    ["agent", { Architecture: "s390x" }, "missing"],
  ])("tells of %s where the engine says %j", async (name, difference, status) => {
    const report = await inspectFake({ ...GOOD_INFO, ...difference });
    expect(statusOf(report, name)).toBe(status);
    if (status === "missing") expect(report.usable).toBe(false);
  });

  it("tells of an engine's known weaknesses", async () => {
    const components = [{ Name: "runc", Version: "1.1.11" }];
    const report = await inspectFake(GOOD_INFO, {
      version: { ...FAKE_VERSION, Components: components },
    });
    const weaknesses = report.checks.filter(({ name }) => name === "weakness");
    expect(weaknesses.map(({ found }) => found)).toEqual([
      expect.stringContaining("CVE-2024-21626"),
      expect.stringContaining("CVE-2025-31133"),
      expect.stringContaining("CVE-2026-41567"),
    ]);
  });

  it("says that there is no engine, and how to get one", async () => {
    const report = await inspectHost({ host: "unix:///nowhere.sock", workspaceRoot: root });
    expect(report.usable).toBe(false);
    expect(report.checks[0]).toMatchObject({
      name: "engine",
      status: "missing",
      advice: expect.stringContaining("start Docker"),
    });
    expect(statusOf(report, "workspaces")).toBeDefined();
  });
});

const noImage: RequestListener = (_request, response) =>
  sendJson(response, 404, { message: "no such image" });
const noRegistry: RequestListener = (_request, response) =>
  sendJson(response, 500, { message: "Get registry-1.docker.io: no such host" });

describe("Looking at the settings of a host", () => {
  it.each<[string, FakeInspection, string, RegExp]>([
    ["an image that is there", {}, "image", /^ok python:3.12-slim is on the engine/],
    [
      "an image that can be pulled",
      { settings: { image: "debian" }, answers: { "/distribution/debian/json": {} } },
      "image",
      /^ok debian can be pulled/,
    ],
    [
      "an image that cannot be pulled",
      {
        answers: {
          "/images/python:3.12-slim/json": noImage,
          "/distribution/python:3.12-slim/json": noRegistry,
        },
      },
      "image",
      /^missing python:3.12-slim is not on the engine.*no such host.*docker load.*CARREL_IMAGE/,
    ],
    [
      "an image for another machine",
      {
        settings: { image: "debian" },
        answers: { "/images/debian/json": { ...IMAGE_ANSWER, Architecture: "arm64" } },
      },
      "image",
      /^missing debian is for arm64/,
    ],
    [
      "a runtime",
      { settings: { runtime: "coding" } },
      "image",
      /^ok coding is built on python:3.12-slim/,
    ],
    [
      "no such runtime",
      { settings: { runtime: "cobol" } },
      "settings",
      /^missing .*no runtime "cobol"/,
    ],
    [
      "a network",
      { settings: { network: "bridge" }, answers: { "/networks/bridge": {} } },
      "network",
      /^ok/,
    ],
    [
      "no such network",
      { settings: { network: "bridge" } },
      "network",
      /^missing .*CARREL_NETWORK=none/,
    ],
  ])("tells of %s", async (_, inspection, name, told) => {
    const { checks, usable } = await inspectFake(GOOD_INFO, inspection);
    const found = checks.filter((check) => check.name === name);
    expect(found.map((check) => `${check.status} ${check.found} ${check.advice}`)).toEqual([
      expect.stringMatching(told),
    ]);
    expect(usable).toBe(found[0]?.status === "ok");
  });

  it("tells of a place for files that is none", async () => {
    const shared = join(root, "shared");
    await mkdir(shared);
    await chmod(shared, 0o777);
    for (const [workspaceRoot, why] of [
      ["/proc/1/workspaces", "/proc/1 is on no disk"],
      [shared, "others may write there"],
    ] as const) {
      const { checks } = await inspectFake(GOOD_INFO, { workspaceRoot });
      const place = checks.find(({ name }) => name === "workspaces");
      expect(place).toMatchObject({ status: "missing", found: expect.stringContaining(why) });
    }
    await rm(shared, { recursive: true });
  });
});

describe("The report", () => {
  it("is plain text that ends with a verdict", async () => {
    const text = formatReport({
      usable: true,
      checks: [
        { name: "engine", status: "ok", found: "Docker 28.1.1", advice: null },
        { name: "engine says", status: "warning", found: "a\u001B[31m\nb", advice: "Do it." },
      ],
    });
    expect(text).toBe(
      [
        "ok       engine: Docker 28.1.1",
        "warning  engine says: a [31m b",
        "         → Do it.",
        "",
        "Sandboxes can run here, with 1 warning.",
        "",
      ].join("\n"),
    );
  });

  it("is printed by the program, which fails where sandboxes cannot run", async () => {
    const main = join(import.meta.dirname, "main.ts");
    const env = { PATH: process.env.PATH, DOCKER_HOST: "unix:///nowhere.sock" };
    const run = promisify(execFile)(process.execPath, ["--conditions=@carrel/source", main], {
      cwd: root,
      env,
    });
    await expect(run).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringContaining("Sandboxes cannot run here: 1 thing missing."),
      stderr: "",
    });
  });
});
