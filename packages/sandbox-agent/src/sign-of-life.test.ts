import { abortedError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { FRAME } from "./frames.ts";
import { settled } from "./testing/fake-time.ts";
import { connect } from "./testing/scripted-agent.ts";
import type { ScriptedAgent } from "./testing/scripted-agent.ts";

describe("a sign of life", () => {
  const pingsOf = (agent: ScriptedAgent): Buffer[] =>
    agent
      .taken()
      .filter(({ type }) => type === FRAME.ping)
      .map(({ payload }) => payload);

  it("is asked for while the sandbox is frozen, and is the answer to that question alone", async () => {
    const { agent, connection } = await connect();
    connection.suspend();
    let signs = 0;
    void connection.signOfLife().then(() => signs++);
    void connection.signOfLife().then(() => signs++);
    await settled();
    const pings = pingsOf(agent);
    expect(pings).toHaveLength(2);
    agent.send(FRAME.pong, 0, Buffer.alloc(8));
    await settled();
    expect(signs).toBe(0);
    agent.send(FRAME.pong, 0, pings[1]!);
    await settled();
    expect(signs).toBe(2);
    void connection.signOfLife().then(() => signs++);
    agent.send(FRAME.pong, 0, pings[1]!);
    await settled();
    expect(signs).toBe(2);
  });

  it("never comes where the connection ends", async () => {
    const { connection } = await connect();
    void connection.signOfLife().then(() => expect.unreachable());
    connection.close(abortedError(AbortSignal.abort()));
    await settled();
  });
});
