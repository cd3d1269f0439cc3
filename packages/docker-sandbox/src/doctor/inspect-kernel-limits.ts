import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkLimits } from "../limits.ts";
import type { SandboxLimits } from "../limits.ts";
import type { HostCheck } from "./host-report.ts";
import { ok, warning } from "./host-report.ts";

/** Sandboxes that a session manager lets run at the same time unless it is told otherwise. */
const SANDBOXES = 300;

/** What the kernel counts for the whole machine, and how much of it one sandbox may take. */
const COUNTED = [
  {
    setting: "fs.file-max",
    what: "open files",
    bySandbox: ({ openFiles, processes }: Required<SandboxLimits>) => openFiles * processes,
  },
  {
    setting: "kernel.pid_max",
    what: "processes",
    bySandbox: ({ processes }: Required<SandboxLimits>) => processes,
  },
  {
    setting: "kernel.pty.max",
    what: "terminals",
    bySandbox: ({ terminals }: Required<SandboxLimits>) => terminals,
  },
] as const;

/**
 * Looks whether the machine has enough of what has no limit by container or user, so that sandboxes
 * that take all they may leave others theirs.
 * @param settingsRoot folder of the kernel's settings
 */
export async function inspectKernelLimits(settingsRoot = "/proc/sys"): Promise<HostCheck> {
  const name = "kernel limits";
  const limits = checkLimits();
  const scarce: { found: string; setting: string }[] = [];
  for (const { setting, what, bySandbox } of COUNTED) {
    const has = await readSetting(join(settingsRoot, setting.replaceAll(".", "/")));
    const needed = SANDBOXES * bySandbox(limits);
    if (has === null || has >= needed) continue;
    const enoughFor = Math.floor(has / bySandbox(limits));
    scarce.push({
      found: `${setting} is ${has}, which is enough for ${enoughFor} sandboxes that take all ${what} they may`,
      setting: `${setting}=${needed}`,
    });
  }
  if (scarce.length === 0) {
    return ok(name, `enough open files, processes and terminals for ${SANDBOXES} sandboxes`);
  }
  const values = scarce.map(({ setting }) => setting).join(" ");
  return warning(
    name,
    `${scarce.map(({ found }) => found).join("; ")}; the sandboxes of others are then refused`,
    `Raise them: sysctl -w ${values}`,
  );
}

/** Returns `null` if this machine has no such setting, or one that no number holds. */
async function readSetting(file: string): Promise<number | null> {
  try {
    const value = Number(await readFile(file, "utf8"));
    return Number.isFinite(value) ? value : null;
  } catch {
    // It is another system, or one that hides its settings: there is nothing to compare with.
    return null;
  }
}
