import { expect } from "vitest";
import type { TerminalHandle } from "../sandbox.ts";
import type { BehaviourGroup } from "./behaviour.ts";

const SIZE = { columns: 80, rows: 24 };

/** Reads until the text comes. What is typed is echoed, so look for what only the shell makes. */
async function readUntil(output: AsyncIterator<Uint8Array>, awaited: string): Promise<string> {
  let text = "";
  while (!text.includes(awaited)) {
    const { value, done } = await output.next();
    if (done) return expect.unreachable(`ended after ${JSON.stringify(text)}`);
    text += Buffer.from(value).toString("utf8");
  }
  return text;
}

function outputOf(terminal: TerminalHandle): AsyncIterator<Uint8Array> {
  return terminal.output[Symbol.asyncIterator]();
}

export const terminalBehaviours: BehaviourGroup = {
  name: "openTerminal",
  requires: "openTerminal",
  behaviours: {
    "runs what is typed": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      expect(terminal.id).not.toBe("");
      await terminal.write("echo $((6 * 7))-answer\n");
      await readUntil(outputOf(terminal), "42-answer");
      await terminal.close();
      await terminal.closed;
    },

    "is a terminal of the given size": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!({ columns: 91, rows: 37 });
      const output = outputOf(terminal);
      await terminal.write("stty size\n");
      await readUntil(output, "37 91");
      await terminal.resize(123, 45);
      await terminal.write("stty size\n");
      await readUntil(output, "45 123");
      await terminal.close();
    },

    "starts in the given directory": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("here"), "x");
      const terminal = await sandbox.openTerminal!({ ...SIZE, cwd: directory });
      await terminal.write("cat here; echo $((6 * 7))\n");
      await readUntil(outputOf(terminal), "x42");
      await terminal.close();
    },

    "passes an interrupt on": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      const output = outputOf(terminal);
      await terminal.write("echo $((6 * 7))-ready; sleep 60\n");
      await readUntil(output, "42-ready");
      await terminal.write("\u0003");
      await terminal.write("echo $((6 * 8))-again\n");
      await readUntil(output, "48-again");
      await terminal.close();
    },

    "closes where its shell exits": async ({ sandbox }) => {
      const terminal = await sandbox.openTerminal!(SIZE);
      await terminal.write("exit\n");
      await terminal.closed;
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
