import { createHash } from "node:crypto";
import type { SandboxLimits } from "../limits.ts";
import { AGENT_DIR, AGENT_PATH, HOME_DIR, WORK_DIR } from "./places.ts";
import { sandboxEnvironment } from "./sandbox-environment.ts";
import { seccompProfile } from "./seccomp-profile.ts";

/** The first process has a uid that nobody else has, so that the user's programs cannot signal it. */
const INIT_UID = 65_534;

export const LABELS = {
  install: "carrel.install",
  key: "carrel.key",
  spec: "carrel.spec",
} as const;

/** All that may differ between the containers of sandboxes. Nothing else can be asked for. */
export interface ContainerSpec {
  installationId: string;
  /** Hash of the key; the key itself is never told to the engine. */
  keyHash: string;
  imageId: string;
  architecture: string;
  agentVolume: string;
  /** Directory on the engine's machine that becomes the workspace. */
  workspace: string;
  home: string;
  /** Of the sandbox's user, and its group's. */
  uid: number;
  limits: Required<SandboxLimits>;
  network: "none" | "bridge";
  /** Keep what is written outside of the workspace, on a root that can be written to. */
  persistRoot: boolean;
  /** `runsc`, `kata`, …; the engine's default where it is absent. */
  ociRuntime?: string | undefined;
  environment: Readonly<Record<string, string>>;
}

// The engine's own list, which a list of one's own replaces, and what it leaves open.
const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** What the engine is asked to create: https://docs.docker.com/reference/api/engine. */
export function createBody(spec: ContainerSpec): Record<string, unknown> {
  const body = {
    Image: spec.imageId,
    Hostname: "carrel",
    User: `${INIT_UID}:${INIT_UID}`,
    Entrypoint: [AGENT_PATH, "init"],
    Cmd: [],
    Env: sandboxEnvironment(spec.environment),
    WorkingDir: WORK_DIR,
    Healthcheck: { Test: ["NONE"] },
    StopSignal: "SIGTERM",
    NetworkDisabled: spec.network === "none",
    HostConfig: hostConfig(spec),
  };
  return { ...body, Labels: labels(spec, body) };
}

function labels(spec: ContainerSpec, body: object): Record<string, string> {
  return {
    [LABELS.install]: spec.installationId,
    [LABELS.key]: spec.keyHash,
    [LABELS.spec]: createHash("sha256").update(JSON.stringify(body)).digest("hex").slice(0, 32),
  };
}

function hostConfig(spec: ContainerSpec): Record<string, unknown> {
  const { limits, network, ociRuntime, persistRoot } = spec;
  return {
    NetworkMode: network,
    CapDrop: ["ALL"],
    Privileged: false,
    SecurityOpt: [
      "no-new-privileges:true",
      `seccomp=${JSON.stringify(seccompProfile(spec.architecture))}`,
    ],
    ReadonlyRootfs: !persistRoot,
    Tmpfs: { "/tmp": `rw,nosuid,nodev,exec,size=${limits.tmpBytes},nr_inodes=65536,mode=1777` },
    Mounts: mounts(spec),
    MaskedPaths: MASKED_PATHS,
    PidsLimit: limits.processes,
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    CpuShares: 512,
    Ulimits: ulimits(limits),
    // The sandbox's programs go before anything of the host when memory runs out.
    OomScoreAdj: 500,
    IpcMode: "private",
    ShmSize: 64 * 1024 * 1024,
    CgroupnsMode: "private",
    // The agent reaps; and nothing that a program writes can reach a log of the host.
    Init: false,
    LogConfig: { Type: "none", Config: {} },
    RestartPolicy: { Name: "no" },
    AutoRemove: false,
    PublishAllPorts: false,
    ...(ociRuntime !== undefined && { Runtime: ociRuntime }),
  };
}

function mounts({ agentVolume, workspace, home }: ContainerSpec): Record<string, unknown>[] {
  const bind = (source: string, target: string): Record<string, unknown> => ({
    Type: "bind",
    Source: source,
    Target: target,
    ReadOnly: false,
    BindOptions: { Propagation: "rprivate", NonRecursive: true },
  });
  return [
    {
      Type: "volume",
      Source: agentVolume,
      Target: AGENT_DIR,
      ReadOnly: true,
      VolumeOptions: { NoCopy: true },
    },
    bind(workspace, WORK_DIR),
    bind(home, HOME_DIR),
  ];
}

// None on processes: the kernel counts them by uid, over all sandboxes together.
function ulimits({ openFiles, fileBytes }: Required<SandboxLimits>): Record<string, unknown>[] {
  const both = (name: string, value: number): Record<string, unknown> => ({
    Name: name,
    Soft: value,
    Hard: value,
  });
  return [
    both("nofile", openFiles),
    both("core", 0),
    both("fsize", fileBytes),
    both("memlock", 64 * 1024),
  ];
}
