import { describe, expect, it } from "vitest";
import { AgentSandbox } from "./agent-sandbox.ts";
import { FRAME } from "./frames.ts";
import { FakeTime } from "./testing/fake-time.ts";
import { ScriptedSandbox } from "./testing/scripted-agent.ts";

const MEBIBYTE = 1024 * 1024;

describe("an agent that is slow for ever", () => {
  it.each<[string, string, (sandbox: AgentSandbox) => Promise<unknown>]>([
    ["bytes", "read", (sandbox) => sandbox.read("f")],
    ["room", "write", (sandbox) => sandbox.write("f", Buffer.alloc(2 * MEBIBYTE))],
  ])("does not hold a call up by a little %s now and then: %s", async (_, method, call) => {
    using time = new FakeTime();
    const scripted = new ScriptedSandbox();
    const { open } = scripted;
    const sandbox = new AgentSandbox({ id: "scripted", workDir: "/workspace", open });
    const refused = expect(call(sandbox)).rejects.toMatchObject({ code: "timeout" });
    let over = false;
    void refused.then(() => (over = true));
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall(method);
    const pass = async (elapsedMs: number): Promise<void> => {
      for (let passedMs = 0; passedMs < elapsedMs; passedMs += 5000) {
        if (method === "read") agent.send(FRAME.data, stream, Buffer.from("x"));
        else agent.grant(stream, 1);
        await time.pass(5000);
      }
    };
    await pass(600_000);
    expect(over).toBe(false);
    await pass(5000);
    await refused;
  });
});
