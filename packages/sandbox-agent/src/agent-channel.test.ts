import { describe, expect, it } from "vitest";
import { AgentSandbox } from "./agent-sandbox.ts";
import { FRAME } from "./frames.ts";
import { FakeTime } from "./testing/fake-time.ts";
import { ScriptedSandbox } from "./testing/scripted-agent.ts";

describe("silence of the agent", () => {
  it("is told to one who looks into it, never twice at a time, and survives that this fails", async () => {
    using time = new FakeTime();
    const scripted = new ScriptedSandbox();
    const looks: PromiseWithResolvers<void>[] = [];
    const onSilence = (): Promise<void> => {
      const look = Promise.withResolvers<void>();
      looks.push(look);
      return look.promise;
    };
    const options = { id: "scripted", workDir: "/workspace", open: scripted.open };
    const sandbox = new AgentSandbox({ ...options, onSilence });
    const stat = sandbox.stat("f");
    const agent = await scripted.nextAgent();
    const { stream } = await agent.nextCall("stat");
    await time.pass(8000);
    expect(looks).toHaveLength(1);
    looks[0]!.reject(new Error("the engine is away"));
    await time.pass(4000);
    expect(looks).toHaveLength(2);
    looks[1]!.resolve();
    agent.send(FRAME.result, stream, { info: null });
    await expect(stat).resolves.toBeNull();
    await time.pass(8000);
    expect(looks).toHaveLength(2);
  });
});
