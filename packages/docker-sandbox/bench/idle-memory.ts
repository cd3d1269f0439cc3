import { readFile, readdir } from "node:fs/promises";

/** What an idle sandbox holds in memory beside the user's own processes, in bytes of PSS. */
export interface IdleMemory {
  agentBytes: number;
  agentProcesses: number;
  /** The engine's own part: one shim for each container, of whatever kind. */
  shimBytes: number;
}

/**
 * Adds up, on the engine's host, the processes of the agent in this container and its shim. PSS
 * counts a page that several processes share once, divided between them.
 */
export async function idleMemory(containerId: string): Promise<IdleMemory> {
  const memory: IdleMemory = { agentBytes: 0, agentProcesses: 0, shimBytes: 0 };
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readProc(pid, "cmdline");
    if (command.includes("containerd-shim") && command.includes(containerId)) {
      memory.shimBytes += await proportionalSetBytes(pid);
    } else if (command.includes("carrel-agent")) {
      if (!(await readProc(pid, "cgroup")).includes(containerId)) continue;
      memory.agentBytes += await proportionalSetBytes(pid);
      memory.agentProcesses++;
    }
  }
  return memory;
}

async function proportionalSetBytes(pid: string): Promise<number> {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(await readProc(pid, "smaps_rollup"))?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** Empty where the process ended meanwhile. */
async function readProc(pid: string, name: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${name}`, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && isGone(error.code)) return "";
    throw error;
  }
}

function isGone(code: unknown): boolean {
  return code === "ENOENT" || code === "ESRCH";
}
