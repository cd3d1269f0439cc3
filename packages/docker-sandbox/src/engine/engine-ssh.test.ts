import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engineOrSkip, TEST_IMAGE, TEST_LABEL } from "../testing/engine.ts";
import { startSshServer, whyNoSshServer } from "../testing/ssh-server.ts";
import type { SshServer } from "../testing/ssh-server.ts";
import { connectEngine } from "./engine.ts";
import { sshArguments } from "./ssh-connection.ts";

const reason = engineOrSkip() ? await whyNoSshServer() : "it needs Docker.";
if (reason !== null) console.warn(`Skipped, because ${reason}`);

describe.skipIf(reason !== null)("An engine behind ssh", () => {
  let server: SshServer;

  beforeAll(async () => {
    server = await startSshServer();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  it("is reached, answers many calls over few connections, and leaves none", async () => {
    await server.trust("this-server");
    const engine = await connectEngine({ host: server.host });
    expect(engine).toMatchObject({ remote: true, version: expect.stringMatching(/^\d+\./) });
    await Promise.all(
      Array.from({ length: 20 }, () => engine.call("ping", () => engine.docker.ping())),
    );
    expect(engine.connectionCount).toBeLessThanOrEqual(8);
    await engine[Symbol.asyncDispose]();
    expect(engine.connectionCount).toBe(0);
  });

  it("carries a stream that goes both ways", async () => {
    await server.trust("this-server");
    await using engine = await connectEngine({ host: server.host });
    const container = await engine.docker.createContainer({
      Image: TEST_IMAGE,
      Cmd: ["sleep", "60"],
      Labels: { [TEST_LABEL]: "ssh" },
      HostConfig: { NetworkMode: "none", Init: true },
    });
    try {
      await container.start();
      const exec = await container.exec({ Cmd: ["tac"], AttachStdin: true, AttachStdout: true });
      const stream = await exec.start({ hijack: true, stdin: true });
      stream.end("one\ntwo\n");
      const output = Buffer.concat(await stream.toArray());
      expect(output.subarray(8).toString()).toBe("two\none\n");
    } finally {
      await container.remove({ force: true });
    }
  });

  it.each(["nobody", "another-server"] as const)(
    "is refused where its host key is %s's, although ssh's configuration would take it",
    async (known) => {
      await server.trust(known);
      await expect(connectEngine({ host: server.host })).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("ssh could not reach the engine"),
        cause: { message: expect.stringMatching(/host key|identification/i) },
      });
    },
  );

  it("says so where the engine over there is not running", async () => {
    await server.trust("this-server");
    await expect(
      connectEngine({ host: `${server.host}/nowhere/docker.sock` }),
    ).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("The arguments of ssh", () => {
  it("forward nothing, ask nothing, and check the host's key", () => {
    const words = sshArguments({ host: "ssh://build", kind: "ssh", hostname: "build" });
    expect(words).toEqual(
      expect.arrayContaining([
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ClearAllForwardings=yes",
      ]),
    );
    expect(words.slice(words.indexOf("--"))).toEqual(
      "-- build docker system dial-stdio".split(" "),
    );
  });

  it("name user, port and socket", () => {
    const words = sshArguments({
      host: "",
      kind: "ssh",
      hostname: "build",
      port: 2222,
      user: "ada",
      socketPath: "/run/user/1000/docker.sock",
    });
    expect(words.join(" ")).toMatch(
      /-p 2222 -l ada -- build docker --host unix:\/\/\/run\/user\/1000\/docker\.sock system dial-stdio$/,
    );
  });
});
