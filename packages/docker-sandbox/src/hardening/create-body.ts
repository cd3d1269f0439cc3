import { createHash } from "node:crypto";
import type { SandboxLimits } from "../limits.ts";
import { AGENT_DIR, AGENT_PATH, HOME_DIR, HOSTS_PATH, TERMINALS_DIR, WORK_DIR } from "./places.ts";
import { sandboxEnvironment } from "./sandbox-environment.ts";
import { seccompProfile } from "./seccomp-profile.ts";

/** The first process has a uid that nobody else has, so that the user's programs cannot signal it. */
export const INIT_UID = 65_534;

/** The uid as which runtimes are built, and as which sandboxes run whose container has no label of a uid. */
export const SANDBOX_UID = 61_000;

export const LABELS = {
  /** Whose it is: {@link Installation.label}. */
  install: "carrel.install",
  /** Hash of the sandbox's key. */
  key: "carrel.key",
  /** The key itself, readable to its installation alone. */
  sealedKey: "carrel.sealed-key",
  /** Instead of both: the slot as which it was made for nobody. It is there for good. */
  warm: "carrel.warm",
  /** The uid as which its user's programs run. */
  uid: "carrel.uid",
  /** Id of the sandbox, which outlives its container. */
  sandbox: "carrel.sandbox",
  /** Hash of everything else here: another one is the container of another version or configuration. */
  spec: "carrel.spec",
} as const;

/** The uid that a label says; `null` if none does. */
export function uidIn(labels: Readonly<Record<string, string>>): number | null {
  const uid = Number(labels[LABELS.uid] ?? Number.NaN);
  return Number.isInteger(uid) ? uid : null;
}

/** Where a user's files lie: directories on the engine's machine, or volumes of the engine. */
export interface FileSources {
  type: "bind" | "volume";
  workspace: string;
  home: string;
}

/** Whose a container is: of a key, or as long as nobody claimed it of nobody. */
export type ContainerOwner =
  | {
      keyHash: string;
      /** {@link Installation.seal} */
      sealedKey: string;
    }
  | { warmSlot: string };

/** All that may differ between the containers of sandboxes. Nothing else can be asked for. */
export interface ContainerSpec {
  /** {@link Installation.label} */
  installation: string;
  owner: ContainerOwner;
  sandboxId: string;
  imageId: string;
  /** The image's own PATH. */
  imagePath: string;
  architecture: string;
  agentVolume: string;
  files: FileSources;
  /** Of the sandbox's user, and its group's. */
  uid: number;
  limits: Required<SandboxLimits>;
  network: "none" | "bridge";
  /**
   * File of the engine's machine with the names that a sandbox without a network knows. Where there is
   * one, the engine is kept from making a network for it, which takes more than half of a start.
   */
  hostsFile: string | undefined;
  /** A root that can be written to, as far as its modes allow, and that lasts with the container. */
  persistRoot: boolean;
  /** `runsc`, `kata`, …; the engine's default where it is absent. */
  ociRuntime: string | undefined;
  /** Its programs run on the kernel of the engine's machine, and not on one of the OCI runtime's own. */
  sharesKernel: boolean;
  env: Readonly<Record<string, string>>;
}

/** What the engine is asked to create: https://docs.docker.com/reference/api/engine. */
export interface CreateBody {
  Image: string;
  Hostname: string;
  User: string;
  Entrypoint: string[];
  Cmd: string[];
  Env: string[];
  WorkingDir: string;
  Healthcheck: { Test: string[] };
  StopSignal: string;
  Labels: Record<string, string>;
  /** Nothing but a loopback interface, which the runtime makes and the engine knows nothing of. */
  NetworkDisabled?: true;
  HostConfig: HostConfig;
}

interface HostConfig {
  NetworkMode: string;
  CapDrop: string[];
  Privileged: boolean;
  SecurityOpt: string[];
  ReadonlyRootfs: boolean;
  Tmpfs?: Record<string, string>;
  Mounts: MountSettings[];
  MaskedPaths: string[];
  PidsLimit: number;
  Memory: number;
  MemorySwap: number;
  NanoCpus: number;
  CpuShares: number;
  Ulimits: Ulimit[];
  OomScoreAdj: number;
  IpcMode: string;
  ShmSize: number;
  CgroupnsMode: string;
  Init: boolean;
  LogConfig: { Type: string; Config: object };
  RestartPolicy: { Name: string };
  AutoRemove: boolean;
  PublishAllPorts: boolean;
  Runtime?: string;
}

type MountSettings = { Source: string; Target: string; ReadOnly: boolean } & (
  | { Type: "volume"; VolumeOptions: { NoCopy: boolean; DriverConfig?: VolumeDriver } }
  | { Type: "bind"; BindOptions: { Propagation: "rprivate"; NonRecursive: boolean } }
);

/** See https://docs.docker.com/reference/cli/docker/volume/create/#opt */
interface VolumeDriver {
  Name: "local";
  Options: { type: string; device: string; o: string };
}

interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

// The engine's own list, which a list of one's own replaces, and what it leaves open.
const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/pressure",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** The only place that says what a sandbox's container is. */
export function createBody(spec: ContainerSpec): CreateBody {
  const body = {
    Image: spec.imageId,
    Hostname: "carrel",
    User: `${INIT_UID}:${INIT_UID}`,
    Entrypoint: [AGENT_PATH, "init"],
    Cmd: [],
    Env: sandboxEnvironment(spec.imagePath, spec.env),
    WorkingDir: WORK_DIR,
    Healthcheck: { Test: ["NONE"] },
    StopSignal: "SIGTERM",
    ...(hostsFileOf(spec) !== null && { NetworkDisabled: true as const }),
    HostConfig: hostConfig(spec),
  };
  return { ...body, Labels: labels(spec, body) };
}

/** The engine mounts a file of its own where it makes a network. */
function hostsFileOf({ network, hostsFile }: ContainerSpec): string | null {
  return network === "none" ? (hostsFile ?? null) : null;
}

function labels(spec: ContainerSpec, body: Omit<CreateBody, "Labels">): Record<string, string> {
  return {
    [LABELS.install]: spec.installation,
    ...("warmSlot" in spec.owner
      ? { [LABELS.warm]: spec.owner.warmSlot }
      : { [LABELS.key]: spec.owner.keyHash, [LABELS.sealedKey]: spec.owner.sealedKey }),
    [LABELS.uid]: String(spec.uid),
    [LABELS.sandbox]: spec.sandboxId,
    [LABELS.spec]: specHash(spec, body),
  };
}

function specHash({ uid }: ContainerSpec, body: Omit<CreateBody, "Labels">): string {
  const text = JSON.stringify({ ...body, uid });
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function hostConfig(spec: ContainerSpec): HostConfig {
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
    ...(!persistRoot && {
      Tmpfs: { "/tmp": `rw,nosuid,nodev,exec,size=${limits.tmpBytes},nr_inodes=65536,mode=1777` },
    }),
    Mounts: mounts(spec),
    MaskedPaths: MASKED_PATHS,
    PidsLimit: limits.processes,
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    CpuShares: 512,
    Ulimits: ulimits(limits),
    // When the machine's memory runs out, programs that leave this alone go before the host's. It is
    // no bound: a program may set its own value to 0. `Memory` bounds what one sandbox takes.
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

// Never `Binds`: they take a source that is missing, and volumes would copy what the image has there.
function mounts(spec: ContainerSpec): MountSettings[] {
  const { agentVolume, files } = spec;
  const hostsFile = hostsFileOf(spec);
  const volume = (source: string, target: string, readOnly: boolean): MountSettings => ({
    Type: "volume",
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    VolumeOptions: { NoCopy: true },
  });
  const bind = (source: string, target: string, readOnly: boolean): MountSettings => ({
    Type: "bind",
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: { Propagation: "rprivate", NonRecursive: true },
  });
  const own = (source: string, target: string): MountSettings =>
    files.type === "bind" ? bind(source, target, false) : volume(source, target, false);
  return [
    volume(agentVolume, AGENT_DIR, true),
    own(files.workspace, WORK_DIR),
    own(files.home, HOME_DIR),
    ...(hostsFile === null ? [] : [bind(hostsFile, HOSTS_PATH, true)]),
    ...(spec.sharesKernel ? [terminals(spec.limits)] : []),
  ];
}

/**
 * A file system of terminals with a limit: the engine's own has none, and the kernel's limit is one for
 * all containers of the machine. It is a volume without a name, which goes with its container.
 * @see https://docs.kernel.org/filesystems/devpts.html
 */
function terminals(limits: Required<SandboxLimits>): MountSettings {
  const options = `nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5,max=${limits.terminals}`;
  const DriverConfig = {
    Name: "local" as const,
    Options: { type: "devpts", device: "devpts", o: options },
  };
  return {
    Type: "volume",
    Source: "",
    Target: TERMINALS_DIR,
    ReadOnly: false,
    VolumeOptions: { NoCopy: true, DriverConfig },
  };
}

// None on processes: `PidsLimit` counts them, also if sandboxes share a uid.
function ulimits({ openFiles, fileBytes }: Required<SandboxLimits>): Ulimit[] {
  const both = (name: string, value: number): Ulimit => ({
    Name: name,
    Soft: value,
    Hard: value,
  });
  return [
    both("nofile", openFiles),
    // Not 0: of a pattern that is a pipe the kernel heeds 1 alone, and otherwise starts the host's
    // program as root for each crash: core(5), and fs/coredump.c.
    both("core", 1),
    both("fsize", fileBytes),
    both("memlock", 64 * 1024),
  ];
}
