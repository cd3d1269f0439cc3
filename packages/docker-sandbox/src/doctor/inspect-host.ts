import { SandboxError } from "@carrel/backend-protocol";
import { findAgentBinary } from "@carrel/sandbox-agent";
import { connectEngine } from "../engine/engine.ts";
import type { EngineOptions } from "../engine/engine.ts";
import type { HostCheck, HostReport } from "./host-report.ts";
import { missing, ok } from "./host-report.ts";
import { inspectEngine } from "./inspect-engine.ts";
import { inspectKernelLimits } from "./inspect-kernel-limits.ts";
import { inspectSettings } from "./inspect-settings.ts";
import type { InspectedSettings } from "./inspect-settings.ts";
import { inspectWorkspaceRoot } from "./inspect-workspace-root.ts";

export interface InspectHostOptions extends EngineOptions {
  /** Absolute path of the directory for users' files, which need not be there yet. */
  workspaceRoot: string;
  /** What else the provider would be given. */
  settings?: Omit<InspectedSettings, "workspaceRoot">;
  /** Folder of the kernel's settings. @default "/proc/sys" */
  kernelSettings?: string;
}

/** Looks whether and how well sandboxes can run here. It changes nothing. */
export async function inspectHost(options: InspectHostOptions): Promise<HostReport> {
  const { workspaceRoot, settings, kernelSettings, ...engineOptions } = options;
  const checks: HostCheck[] = [];
  try {
    await using engine = await connectEngine(engineOptions);
    checks.push(...inspectEngine(engine), await checkAgent(engine.info.architecture));
    // An engine that cannot be used has nothing to say of them.
    if (isUsable(checks)) {
      checks.push(...(await inspectSettings(engine, { ...settings, workspaceRoot })));
    }
    if (!engine.remote) checks.push(await inspectKernelLimits(kernelSettings));
    const engineDirectory = engine.remote ? null : engine.info.rootDirectory;
    checks.push(...(await inspectWorkspaceRoot(workspaceRoot, engineDirectory)));
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    checks.push(missing("engine", "no engine that can be used", error.message));
    checks.push(...(await inspectWorkspaceRoot(workspaceRoot, null)));
  }
  return { usable: isUsable(checks), checks };
}

function isUsable(checks: readonly HostCheck[]): boolean {
  return checks.every(({ status }) => status !== "missing");
}

async function checkAgent(architecture: string): Promise<HostCheck> {
  const name = "agent";
  if (architecture !== "amd64" && architecture !== "arm64") {
    return missing(
      name,
      `there is no program for sandboxes on ${architecture}`,
      "Use a machine with amd64 or arm64.",
    );
  }
  try {
    await findAgentBinary(architecture);
    return ok(name, `the program that runs in sandboxes is there for ${architecture}`);
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    return missing(name, "the program that runs in sandboxes is not there", error.message);
  }
}
