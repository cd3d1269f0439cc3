import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { TerminalHandle } from "../sandbox.ts";
import type { BehaviourGroup } from "./behaviour.ts";

const SIZE = { columns: 80, rows: 24 };

/**
 * Type a line until something comes of it. A terminal may drop what is typed while a shell starts
 * or is interrupted, so type again, as a person would.
 */
async function typeUntil(
  terminal: TerminalHandle,
  line: string,
  done: Promise<unknown>,
): Promise<void> {
  const ended = done.then(() => true);
  for (let over = false; !over;) {
    await terminal.write(`${line}\n`);
    over = await Promise.race([ended, sleep(1000, false)]);
  }
}

/** Types lines and waits for text that only the shell makes: what is typed is echoed as well. */
function conversation(terminal: TerminalHandle): (line: string, awaited: string) => Promise<void> {
  const output = terminal.output[Symbol.asyncIterator]();
  const readUntil = async (awaited: string): Promise<void> => {
    let text = "";
    while (!text.includes(awaited)) {
      const { value, done } = await output.next();
      if (done) return expect.unreachable(`ended after ${JSON.stringify(text)}`);
      text += Buffer.from(value).toString("utf8");
    }
  };
  return (line, awaited) => typeUntil(terminal, line, readUntil(awaited));
}

export const terminalBehaviours: BehaviourGroup = {
  name: "openTerminal",
  requires: "openTerminal",
  behaviours: {
    "runs what is typed": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      expect(terminal.id).not.toBe("");
      await conversation(terminal)("echo $((6 * 7))-answer", "42-answer");
      await terminal.close();
      await terminal.closed;
    },

    "is a terminal of the given size": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!({ columns: 91, rows: 37 });
      const ask = conversation(terminal);
      await ask("stty size", "37 91");
      await terminal.resize(123, 45);
      await ask("stty size", "45 123");
      await terminal.close();
    },

    "starts in the given directory": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("here"), "x");
      const terminal = await sandbox.openTerminal!({ ...SIZE, cwd: directory });
      await conversation(terminal)("cat here; echo $((6 * 7))", "x42");
      await terminal.close();
    },

    "passes an interrupt on": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      const ask = conversation(terminal);
      await ask("echo $((6 * 7))-ready; sleep 600", "42-ready");
      await ask("\u0003\necho $((6 * 8))-again", "48-again");
      await terminal.close();
    },

    "closes where its shell exits": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      await typeUntil(terminal, "exit", terminal.closed);
      await terminal.close();
    },

    "can be closed twice": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      await terminal.close();
      await terminal.close();
      await terminal.closed;
    },

    "refuses a size that is none": async ({ sandbox, rejects }) => {
      for (const size of [0, -1, 1.5, Number.NaN]) {
        await rejects(sandbox.openTerminal!({ columns: size, rows: 24 }), "invalid-argument");
        await rejects(sandbox.openTerminal!({ columns: 80, rows: size }), "invalid-argument");
      }
    },

    "fails where the directory is missing": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.openTerminal!({ ...SIZE, cwd: path("absent") }), "not-found");
    },
  },
};
