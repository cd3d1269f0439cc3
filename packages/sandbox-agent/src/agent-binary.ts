import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { SandboxError } from "@carrel/backend-protocol";

export type AgentArchitecture = "amd64" | "arm64";

export interface AgentBinary {
  /** Absolute path of a static Linux program. */
  path: string;
  /** Lower-case hex. */
  sha256: string;
}

/**
 * The agent's program for an architecture. It is in the npm package; in a clone the set-up builds it.
 * @throws `unavailable` where it was not built
 */
export async function findAgentBinary(architecture: AgentArchitecture): Promise<AgentBinary> {
  const url = new URL(`../binaries/carrel-agent-linux-${architecture}`, import.meta.url);
  try {
    const content = await readFile(url);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { path: fileURLToPath(url), sha256 };
  } catch (error) {
    throw new SandboxError({
      code: "unavailable",
      message: `The program that runs in sandboxes was not built for ${architecture}. Run \`npm test\` or \`npm start\` once; they build it where Go can be had.`,
      cause: error,
    });
  }
}
