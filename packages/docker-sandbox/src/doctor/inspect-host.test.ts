import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineOrSkip, testEngineOptions } from "../testing/engine.ts";
import { FAKE_INFO, FAKE_VERSION, startFakeEngine } from "../testing/fake-engine.ts";
import { formatReport } from "./format-report.ts";
import { inspectHost } from "./inspect-host.ts";
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

async function inspectFake(info: object, version: object = FAKE_VERSION): Promise<HostReport> {
  await using fake = await startFakeEngine({ "/info": info, "/version": version });
  return await inspectHost({ host: fake.host, workspaceRoot: join(root, "not/yet/there") });
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
    ["user ids", { SecurityOptions: ["name=seccomp", "name=rootless"] }, "warning"],
    ["user ids", { SecurityOptions: ["name=seccomp", "name=userns"] }, "warning"],
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
    const report = await inspectFake(GOOD_INFO, { ...FAKE_VERSION, Components: components });
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
