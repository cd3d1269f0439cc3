import { expect } from "vitest";
import { MAX_COMMAND_TIMEOUT_MS, MAX_OUTPUT_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";

const NO_COUNTS = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e12];

export const executeOptionsBehaviours: BehaviourGroup = {
  name: "execute: options",
  behaviours: {
    "runs in workDir": async ({ sandbox }) => {
      expect((await sandbox.execute("pwd")).stdout).toBe(`${sandbox.workDir}\n`);
    },

    "runs in a directory by its absolute path": async ({ sandbox, path }) => {
      await sandbox.mkdir(path("a b/'c'"));
      const { stdout } = await sandbox.execute("pwd", { cwd: path("a b/'c'") });
      expect(stdout).toBe(`${path("a b/'c'")}\n`);
    },

    "runs in a directory relative to workDir": async ({ sandbox, directory }) => {
      const relative = directory.slice(sandbox.workDir.length).replace(/^\//, "");
      const { stdout } = await sandbox.execute("pwd", { cwd: `./x/..//${relative}/` });
      expect(stdout).toBe(`${directory}\n`);
    },

    "fails where the directory is missing": async ({ sandbox, path, rejects }) => {
      await rejects(sandbox.execute("true", { cwd: path("absent") }), "not-found");
      await rejects(sandbox.spawn("true", { cwd: path("absent") }), "not-found");
    },

    "fails where the directory is a file": async ({ sandbox, path, rejects }) => {
      await sandbox.write(path("file"), "x");
      await rejects(sandbox.execute("true", { cwd: path("file") }), "not-directory");
      await rejects(sandbox.spawn("true", { cwd: path("file") }), "not-directory");
    },

    "adds variables": async ({ run }) => {
      const { stdout } = await run('echo "$GREETING, $_name2"', {
        env: { GREETING: "hello", _name2: "world" },
      });
      expect(stdout).toBe("hello, world\n");
    },

    "keeps values as they are": async ({ run }) => {
      const values = ["", " a  b ", "it's", '"q"', "$HOME `id` $(id)", "a\nB=c", "日本語", "\\n=="];
      for (const value of values) {
        const { stdout } = await run('printf "%s|" "$VALUE"; env | grep -c "^B="; true', {
          env: { VALUE: value },
        });
        expect(stdout.slice(0, stdout.lastIndexOf("|"))).toBe(value);
      }
    },

    "passes variables on to programs": async ({ run }) => {
      const { stdout } = await run("sh -c 'echo $PASSED'", { env: { PASSED: "on" } });
      expect(stdout).toBe("on\n");
    },

    "leaves the other variables": async ({ run }) => {
      const plain = await run('echo "$PATH"');
      const added = await run('echo "$PATH"', { env: { OTHER: "x" } });
      expect(plain.stdout.trim()).not.toBe("");
      expect(added.stdout).toBe(plain.stdout);
    },

    "adds variables for one command only": async ({ run }) => {
      await run("true", { env: { ONCE: "x" } });
      expect((await run('echo "[$ONCE]"')).stdout).toBe("[]\n");
    },

    "refuses names that are none": async ({ sandbox, rejects }) => {
      for (const name of ["", "1A", "A B", "A=B", "É", "A\nB", "A-B", "A\0"]) {
        await rejects(sandbox.execute("true", { env: { [name]: "x" } }), "invalid-argument");
      }
    },

    "refuses a value with a NUL": async ({ sandbox, rejects }) => {
      await rejects(sandbox.execute("true", { env: { A: "a\0b" } }), "invalid-argument");
    },

    "refuses a timeout that is none": async ({ sandbox, rejects }) => {
      for (const timeoutMs of [0, ...NO_COUNTS, MAX_COMMAND_TIMEOUT_MS + 1]) {
        await rejects(sandbox.execute("true", { timeoutMs }), "invalid-argument");
        await rejects(sandbox.spawn("true", { timeoutMs }), "invalid-argument");
      }
    },

    "takes the longest timeout there is": async ({ run }) => {
      await run("sleep 0.1", { timeoutMs: MAX_COMMAND_TIMEOUT_MS });
    },

    "refuses a bound of output that is none": async ({ sandbox, rejects }) => {
      for (const maxOutputBytes of [...NO_COUNTS, MAX_OUTPUT_BYTES + 1]) {
        await rejects(sandbox.execute("true", { maxOutputBytes }), "invalid-argument");
        await rejects(sandbox.spawn("true", { maxOutputBytes }), "invalid-argument");
      }
    },
  },
};
