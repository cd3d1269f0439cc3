import { createHash, randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { afterAll, expect } from "vitest";
import { Provider } from "../support/provider.ts";
import { containersOf } from "./engine.ts";
import { describeAttacks } from "./hostile-bench.ts";
import type { HostileCase } from "./hostile-bench.ts";
import { HostileUser } from "./hostile-user.ts";

/** As much of a hash as nobody meets by chance. */
const TELLING_CHARS = 10;

const CONSTRUCTOR = {
  lc: 1,
  type: "constructor",
  id: ["langchain_core", "nosuch", "Klass"],
  kwargs: {},
};

let provider: Provider | undefined;
afterAll(() => provider?.[Symbol.asyncDispose]());

/** A conversation in which the model once says this; what was said before and after is kept. */
function says(id: string, about: string, args: object): HostileCase {
  return {
    id,
    about: `a model ${about}`,
    async attack({ server }) {
      const user = await HostileUser.open(server, `talker-${randomUUID()}`);
      const say = async (message: string): Promise<void> => {
        const answer = await user.ask("/chat", { method: "POST", body: { message } });
        expect(answer.status, answer.text).toBe(200);
      };
      const text = JSON.stringify(args);
      provider?.mock.clearFixtures();
      provider?.mock.onMessage("first", { content: "one" });
      provider?.mock.onMessage("last", { content: "three" });
      provider?.mock.on(
        { predicate: ({ messages }) => messages.at(-1)?.role === "tool" },
        { content: "two" },
      );
      provider?.mock.onMessage("middle", {
        toolCalls: [{ name: "execute", arguments: text }],
      });
      await say("first");
      await say("middle");
      await say("last");
      const { text: kept } = await user.ask("/messages");
      const { messages } = JSON.parse(kept) as { messages: { role: string }[] };
      expect(messages.length, kept).toBeGreaterThanOrEqual(5);
      expect(kept).toContain("one");
      expect(kept).toContain("three");
      await user.end();
    },
  };
}

describeAttacks(
  "W: text of models, and names",
  [
    says("W1", "asks for a command that is an object to revive", { command: CONSTRUCTOR }),
    says("W2", "has arguments that are an object to revive", CONSTRUCTOR),
    says(
      "W3",
      "has arguments that set what objects inherit",
      JSON.parse('{"__proto__":{"polluted":true},"command":"true"}') as object,
    ),
    says("W4", "writes an object to revive by a command", {
      command: `echo '${JSON.stringify(CONSTRUCTOR)}'`,
    }),
    {
      id: "W5",
      about: "somebody who sees the engine or the folders guesses whose sandbox is whose",
      async attack({ server }) {
        const name = "alice";
        const user = await HostileUser.open(server, name);
        const hashed = createHash("sha256").update(name).digest();
        const guesses = [hashed.toString("hex"), hashed.toString("base64url"), name];
        const containers = await containersOf(server.folder);
        const folders = await readdir(server.folder, { recursive: true });
        const seen = JSON.stringify([containers, folders]);
        expect(containers.length).toBeGreaterThan(0);
        for (const guess of guesses) expect(seen).not.toContain(guess.slice(0, TELLING_CHARS));
        await user.end();
      },
    },
  ],
  async () => {
    provider = await Provider.start();
    return {
      CARREL_MODEL: "openai:gpt-4o",
      OPENAI_API_KEY: "sk-none",
      OPENAI_BASE_URL: `${provider.mock.url}/v1`,
    };
  },
);
