import { SandboxError } from "@carrel/backend-protocol";
import type {
  ManagedSandbox,
  SandboxProvider,
  SandboxStatus,
  SandboxSummary,
  SandboxUsage,
} from "@carrel/backend-protocol";
import { AgentSandbox } from "../agent-sandbox.ts";
import { LocalAgent } from "./local-agent.ts";

/** Gives sandboxes to the conformance suite's parts about files and commands; they have no life. */
export function createLocalProvider(): SandboxProvider {
  const agents: LocalAgent[] = [];
  return {
    info: { name: "local", description: "The agent on this machine.", isolation: "process" },
    async create(key) {
      const agent = await LocalAgent.start();
      agents.push(agent);
      return new LocalSandbox(key, agent);
    },
    find: () => Promise.resolve(null),
    list: () => Promise.resolve<SandboxSummary[]>([]),
    remove: () => Promise.resolve(false),
    async [Symbol.asyncDispose]() {
      for (const agent of agents) await agent[Symbol.asyncDispose]();
    },
  };
}

class LocalSandbox extends AgentSandbox implements ManagedSandbox {
  readonly key: string;

  constructor(key: string, agent: LocalAgent) {
    super({ id: "local", workDir: agent.directory, open: agent.open });
    this.key = key;
  }

  status(): Promise<SandboxStatus> {
    return Promise.resolve("running");
  }

  usage(): Promise<SandboxUsage> {
    return Promise.reject(unsupported());
  }

  resume(): Promise<void> {
    return Promise.reject(unsupported());
  }

  stop(): Promise<void> {
    return Promise.reject(unsupported());
  }

  destroy(): Promise<void> {
    return Promise.reject(unsupported());
  }
}

function unsupported(): SandboxError {
  return new SandboxError({ code: "unsupported", message: "A local agent has no life." });
}
