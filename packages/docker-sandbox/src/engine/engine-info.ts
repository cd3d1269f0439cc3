import type Dockerode from "dockerode";
import { SandboxError } from "@carrel/backend-protocol";

/** What the engine says of itself and its machine, as far as sandboxes depend on it. */
export interface EngineInfo {
  /** As Docker names it in images: `amd64`, `arm64`, … */
  architecture: string;
  operatingSystem: string;
  kernelVersion: string;
  cgroupVersion: 1 | 2;
  /** `overlay2`, `overlayfs` (containerd's), `btrfs`, … */
  storageDriver: string;
  /** What lies under it, where it says so: `extfs`, `xfs`, … */
  backingFilesystem: string | null;
  /** Directory of images and containers on the engine's machine. */
  rootDirectory: string;
  /** Such as `seccomp`, `apparmor`, `selinux`, `rootless`, `userns`, `cgroupns`. */
  securityOptions: ReadonlySet<string>;
  /** The engine has no root privileges on its machine. */
  rootless: boolean;
  /** Containers outlive a restart of the engine. */
  liveRestore: boolean;
  /** Names of OCI runtimes that containers can ask for: `runc`, `runsc`, … */
  runtimes: readonly string[];
  defaultRuntime: string;
  /** Limits that the engine can enforce. */
  limits: { memory: boolean; swap: boolean; pids: boolean; cpu: boolean };
  cpuCount: number;
  memoryBytes: number;
  /** What the engine itself complains of. */
  warnings: readonly string[];
}

// `uname -m` to the names of images; others are the same in both.
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["aarch64", "arm64"],
  ["armv7l", "arm"],
  ["i386", "386"],
  ["i686", "386"],
]);

// The fields that are read of `GET /info`; an engine leaves out or nulls some of them.
interface InfoAnswer {
  Architecture: string;
  OperatingSystem?: string;
  KernelVersion?: string;
  CgroupVersion?: string;
  Driver: string;
  DriverStatus?: [string, string][] | null;
  DockerRootDir?: string;
  SecurityOptions?: string[] | null;
  LiveRestoreEnabled?: boolean;
  Runtimes?: Record<string, unknown> | null;
  DefaultRuntime?: string;
  MemoryLimit?: boolean;
  SwapLimit?: boolean;
  PidsLimit?: boolean;
  CpuCfsQuota?: boolean;
  NCPU?: number;
  MemTotal?: number;
  Warnings?: string[] | null;
}

export async function askInfo(docker: Dockerode): Promise<EngineInfo> {
  const answer: unknown = await docker.info();
  if (!isInfoAnswer(answer)) {
    throw new SandboxError({
      code: "unavailable",
      message: "The engine does not say what machine it runs on; check that it is Docker.",
    });
  }
  return readInfo(answer);
}

function isInfoAnswer(value: unknown): value is InfoAnswer {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof Reflect.get(value, "Architecture") === "string" &&
    typeof Reflect.get(value, "Driver") === "string"
  );
}

function readInfo(answer: InfoAnswer): EngineInfo {
  const securityOptions = new Set((answer.SecurityOptions ?? []).map(securityOptionName));
  const driverStatus = new Map(answer.DriverStatus ?? []);
  return {
    architecture: ARCHITECTURES.get(answer.Architecture) ?? answer.Architecture,
    operatingSystem: answer.OperatingSystem ?? "",
    kernelVersion: answer.KernelVersion ?? "",
    cgroupVersion: answer.CgroupVersion === "2" ? 2 : 1,
    storageDriver: answer.Driver,
    backingFilesystem: driverStatus.get("Backing Filesystem") ?? null,
    rootDirectory: answer.DockerRootDir ?? "",
    securityOptions,
    rootless: securityOptions.has("rootless"),
    liveRestore: answer.LiveRestoreEnabled ?? false,
    runtimes: Object.keys(answer.Runtimes ?? {}),
    defaultRuntime: answer.DefaultRuntime ?? "",
    limits: {
      memory: answer.MemoryLimit ?? false,
      swap: answer.SwapLimit ?? false,
      pids: answer.PidsLimit ?? false,
      cpu: answer.CpuCfsQuota ?? false,
    },
    cpuCount: answer.NCPU ?? 0,
    memoryBytes: answer.MemTotal ?? 0,
    warnings: answer.Warnings ?? [],
  };
}

// "name=seccomp,profile=default" since API 1.13.
function securityOptionName(option: string): string {
  return /^name=([^,]+)/.exec(option)?.[1] ?? option;
}
