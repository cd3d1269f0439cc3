import type { Engine } from "../engine/engine.ts";
import type { EngineInfo } from "../engine/engine-info.ts";
import type { HostCheck } from "./host-report.ts";
import { missing, ok, warning } from "./host-report.ts";
import { findWeaknesses } from "./known-weaknesses.ts";

const MIN_MEMORY_BYTES = 2 * 1024 ** 3;
const GIBIBYTE = 1024 ** 3;

/** What the engine tells of itself and its machine. */
export function inspectEngine(engine: Engine): HostCheck[] {
  const { info } = engine;
  return [
    checkPlace(engine),
    ok("engine", `Docker ${engine.version} with API ${engine.apiVersion} at ${engine.host}`),
    ok("parts", partsOf(engine)),
    ...findWeaknesses(new Map([...engine.components, ["engine", engine.version]])),
    checkKernel(info),
    checkMachine(info),
    checkLimits(info),
    checkSeccomp(info),
    checkMandatoryAccess(info),
    checkUserNamespaces(info),
    checkOciRuntimes(info),
    checkLiveRestore(info),
    checkStorage(info),
    ...info.warnings.map((text) =>
      warning("engine says", text, "The engine's documentation says what it means."),
    ),
  ];
}

function checkPlace({ host, remote }: Engine): HostCheck {
  if (!remote) return ok("place", "the engine is reached over a socket of this machine");
  return missing(
    "place",
    `the engine is reached over ${host}, and directories of this machine cannot be mounted there`,
    "Run Carrel on the engine's machine, with its socket.",
  );
}

function partsOf({ components }: Engine): string {
  return ["containerd", "runc"]
    .map((name) => `${name} ${components.get(name) ?? "of unknown version"}`)
    .join(", ");
}

function checkKernel({ kernelVersion, operatingSystem }: EngineInfo): HostCheck {
  const found = `Linux ${kernelVersion}, ${operatingSystem}`;
  const [major = 0, minor = 0] = kernelVersion.split(".").map(Number.parseFloat);
  if (major > 5 || (major === 5 && minor >= 6)) return ok("kernel", found);
  return warning(
    "kernel",
    found,
    "Update to 5.6 or newer, which can open files without following links (openat2).",
  );
}

function checkMachine({ architecture, cpuCount, memoryBytes }: EngineInfo): HostCheck {
  const memory = `${(memoryBytes / GIBIBYTE).toFixed(1)} GiB of memory`;
  const found = `${architecture}, ${cpuCount} CPUs, ${memory}`;
  if (memoryBytes >= MIN_MEMORY_BYTES) return ok("machine", found);
  return warning("machine", found, "Lower the memory limit of sandboxes, or add memory.");
}

function checkLimits({ limits, cgroupVersion, rootless }: EngineInfo): HostCheck {
  const name = "limits";
  const absent = (["memory", "pids", "cpu"] as const).filter((limit) => !limits[limit]);
  if (absent.length > 0) {
    const cgroups = rootless ? "cgroup 2 delegated by systemd" : "the kernel's cgroup controllers";
    return missing(
      name,
      `cgroup ${cgroupVersion} cannot limit ${absent.join(", ")}`,
      `Turn on ${cgroups}; a sandbox without limits can stop the machine.`,
    );
  }
  if (!limits.swap) {
    return warning(
      name,
      `cgroup ${cgroupVersion} limits memory, processes and CPU, but not swap`,
      "Start the kernel with swapaccount=1, or turn swap off.",
    );
  }
  return ok(name, `cgroup ${cgroupVersion} limits memory, swap, processes and CPU`);
}

function checkSeccomp({ securityOptions }: EngineInfo): HostCheck {
  if (securityOptions.has("seccomp")) return ok("seccomp", "system calls are filtered");
  return missing(
    "seccomp",
    "the engine cannot filter system calls",
    "Use a kernel and an engine that are built with seccomp.",
  );
}

function checkMandatoryAccess({ securityOptions }: EngineInfo): HostCheck {
  const found = ["apparmor", "selinux"].filter((option) => securityOptions.has(option));
  if (found.length > 0) return ok("access rules", found.join(", "));
  return warning(
    "access rules",
    "neither AppArmor nor SELinux",
    "Turn one on where the distribution has it: a second wall should the first one break.",
  );
}

function checkUserNamespaces({ securityOptions, rootless }: EngineInfo): HostCheck {
  const name = "user ids";
  if (rootless || securityOptions.has("userns")) {
    const mode = rootless ? "the engine is rootless" : "the engine maps user ids";
    return missing(
      name,
      `${mode}, so that sandboxes cannot own files in a directory of this machine`,
      "Use an engine that does not, or the package without workspaceRoot, which keeps files in volumes.",
    );
  }
  return ok(name, "the same inside and outside; sandboxes never run as root");
}

function checkOciRuntimes({ runtimes, defaultRuntime }: EngineInfo): HostCheck {
  const stronger = runtimes.filter((runtime) => /runsc|gvisor|kata/.test(runtime));
  const extra = stronger.length > 0 ? `; stronger: ${stronger.join(", ")}` : "";
  const found = `${defaultRuntime}${extra}`;
  if (stronger.length > 0) return ok("isolation", found);
  return ok("isolation", `${found}; gVisor (runsc) or Kata would put a kernel of its own between`);
}

function checkLiveRestore({ liveRestore }: EngineInfo): HostCheck {
  if (liveRestore) return ok("live restore", "sandboxes outlive a restart of the engine");
  return warning(
    "live restore",
    "sandboxes stop when the engine restarts; their files stay",
    'Set "live-restore": true in the engine\'s daemon.json.',
  );
}

function checkStorage({ storageDriver, backingFilesystem }: EngineInfo): HostCheck {
  const on = backingFilesystem === null ? "" : ` on ${backingFilesystem}`;
  const found = `${storageDriver}${on}`;
  const quotas =
    ["btrfs", "zfs"].includes(storageDriver) ||
    (storageDriver === "overlay2" && backingFilesystem === "xfs");
  if (quotas) return ok("storage", `${found}, which can have quotas for lasting roots`);
  return ok("storage", `${found}, without quotas: leave roots read-only, as they are by default`);
}
