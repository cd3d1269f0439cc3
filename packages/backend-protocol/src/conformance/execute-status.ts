import { expect } from "vitest";
import { MAX_COMMAND_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { settledCodes } from "./races.ts";

export const executeStatusBehaviours: BehaviourGroup = {
  name: "execute: status",
  behaviours: {
    "gives the exit code as it is": async ({ sandbox }) => {
      for (const exitCode of [0, 1, 2, 3, 124, 126, 127, 130, 137, 143, 255]) {
        expect(await sandbox.execute(`exit ${exitCode}`)).toMatchObject({
          outcome: "exited",
          exitCode,
          signal: null,
          truncated: false,
        });
      }
    },

    "gives the exit code of the last command": async ({ sandbox }) => {
      expect((await sandbox.execute("false; true")).exitCode).toBe(0);
      expect((await sandbox.execute("true; false")).exitCode).toBe(1);
      expect((await sandbox.execute("sh -c 'exit 3'")).exitCode).toBe(3);
      expect((await sandbox.execute("set -e; false; echo not reached")).exitCode).toBe(1);
      expect((await sandbox.execute("false | true")).exitCode).toBe(0);
    },

    "gives 127 for a command that is not there": async ({ sandbox }) => {
      const result = await sandbox.execute("carrel-has-no-such-command");
      expect(result).toMatchObject({ outcome: "exited", exitCode: 127, stdout: "" });
      expect(result.stderr).toContain("carrel-has-no-such-command");
    },

    "gives 126 for a file that may not be run": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("script"), "#!/bin/sh\necho run\n", { mode: 0o644 });
      const result = await sandbox.execute("./script", { cwd: directory });
      expect(result).toMatchObject({ outcome: "exited", exitCode: 126, stdout: "" });
    },

    "runs a script that was written": async ({ sandbox, path, run }) => {
      await sandbox.write(path("script"), '#!/bin/sh\necho "ran with $1"\n', { mode: 0o755 });
      expect((await run("./script 'an argument'")).stdout).toBe("ran with an argument\n");
    },

    "tells a command that was killed from one that exited": async ({ sandbox }) => {
      expect(await sandbox.execute("echo before; kill -KILL $$; echo after")).toMatchObject({
        outcome: "signaled",
        exitCode: null,
        signal: "SIGKILL",
        stdout: "before\n",
      });
      expect(await sandbox.execute("kill -TERM $$")).toMatchObject({
        outcome: "signaled",
        signal: "SIGTERM",
      });
    },

    "gives a shell's complaint as a result": async ({ sandbox }) => {
      for (const command of ["echo 'unbalanced", "if true", "( echo", "done"]) {
        const result = await sandbox.execute(command);
        expect(result.outcome).toBe("exited");
        expect(result.exitCode).not.toBe(0);
        expect(result.stderr).not.toBe("");
      }
    },

    "gives what was written before a failure": async ({ sandbox }) => {
      expect(await sandbox.execute("echo out; echo err >&2; exit 7")).toMatchObject({
        exitCode: 7,
        stdout: "out\n",
        stderr: "err\n",
      });
    },

    "tells how long the command took": async ({ run }) => {
      const { durationMs } = await run("sleep 0.3");
      expect(durationMs).toBeGreaterThanOrEqual(250);
      expect(durationMs).toBeLessThan(25_000);
    },

    "runs several lines": async ({ run }) => {
      const { stdout } = await run("cat <<'EOF'\n$HOME `id` \\\nEOF\nx=1\n# a comment\necho $x\n");
      expect(stdout).toBe("$HOME `id` \\\n1\n");
    },

    "runs a pipeline, a subshell and a loop": async ({ run }) => {
      const { stdout } = await run("(for n in 3 1 2; do echo $n; done) | sort | tr '\\n' ' '");
      expect(stdout).toBe("1 2 3 ");
    },

    "takes a command that begins with a dash for a command": async ({ sandbox }) => {
      for (const command of ["-c 'echo injected'", "-x", "--version"]) {
        const result = await sandbox.execute(command);
        expect(result).toMatchObject({ outcome: "exited", exitCode: 127, stdout: "" });
      }
    },

    "does nothing for a comment": async ({ run }) => {
      expect(await run("# only a comment")).toMatchObject({ output: "" });
    },

    "ends at once for a command of nothing": async ({ sandbox }) => {
      for (const command of ["", " ", "\n\n"]) {
        const running = sandbox.execute(command).then((result) => {
          expect(result).toMatchObject({ outcome: "exited", exitCode: 0, output: "" });
        });
        expect(["fulfilled", "invalid-argument"]).toContain((await settledCodes([running]))[0]);
      }
    },

    "runs a command as long as the bound": async ({ sandbox }) => {
      const command = "echo done #".padEnd(MAX_COMMAND_BYTES, "x");
      expect(await sandbox.execute(command)).toMatchObject({ exitCode: 0, stdout: "done\n" });
    },

    "refuses a command that is too long": async ({ sandbox, rejects }) => {
      const tooLong = "echo done #".padEnd(MAX_COMMAND_BYTES + 1, "x");
      await rejects(sandbox.execute(tooLong), "invalid-argument");
      // Fewer characters than the bound, but more bytes.
      const wide = `echo #${"é".repeat(MAX_COMMAND_BYTES / 2)}`;
      await rejects(sandbox.execute(wide), "invalid-argument");
    },

    "refuses a command with a NUL": async ({ sandbox, rejects }) => {
      await rejects(sandbox.execute("echo a\0b"), "invalid-argument");
    },

    "starts each command afresh": async ({ sandbox, run }) => {
      await sandbox.execute("cd /; set -f; x=1; export y=2; alias true=false; umask 0");
      expect((await run('true && echo "[$x][$y]"')).stdout).toBe("[][]\n");
      expect((await sandbox.execute("pwd")).stdout).toBe(`${sandbox.workDir}\n`);
    },
  },
};
