import { expect } from "vitest";
import { DEFAULT_MAX_OUTPUT_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { BEAT, beatStarted, expectBeatStopped } from "./processes-under-test.ts";

const ENDLESS_OUTPUT = "while :; do cat block; done";

export const executeLimitsBehaviours: BehaviourGroup = {
  name: "execute: limits",
  behaviours: {
    "gives exactly as much output as is allowed": async ({ run }) => {
      const result = await run("printf 1234567890", { maxOutputBytes: 10 });
      expect(result).toMatchObject({ stdout: "1234567890", truncated: false });
    },

    "stops a command that writes more": async ({ sandbox }) => {
      const result = await sandbox.execute("printf 12345678901; sleep 60", { maxOutputBytes: 10 });
      expect(result).toMatchObject({
        outcome: "output-limit",
        exitCode: null,
        stdout: "1234567890",
        truncated: true,
      });
    },

    "keeps what was written up to the bound": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("file"), "k".repeat(100_000));
      const result = await sandbox.execute("printf start-; cat file", {
        cwd: directory,
        maxOutputBytes: 50_000,
      });
      expect(result).toMatchObject({ outcome: "output-limit", truncated: true });
      expect(result.stdout).toBe(`start-${"k".repeat(50_000 - 6)}`);
    },

    "counts both streams together": async ({ sandbox }) => {
      const result = await sandbox.execute(
        "printf 123456; sleep 0.1; printf 123456 >&2; sleep 60",
        { maxOutputBytes: 10 },
      );
      expect(result).toMatchObject({ outcome: "output-limit", truncated: true });
      expect(result.stdout.length + result.stderr.length).toBeLessThanOrEqual(10);
    },

    "stops a command that writes without end": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("block"), "b".repeat(100_000));
      const result = await sandbox.execute(ENDLESS_OUTPUT, { cwd: directory });
      expect(result).toMatchObject({ outcome: "output-limit", exitCode: null, truncated: true });
      expect(result.stdout.length).toBeLessThanOrEqual(DEFAULT_MAX_OUTPUT_BYTES);
      expect(result.stdout.length).toBeGreaterThan(0);
    },

    "takes a bound of nothing": async ({ sandbox }) => {
      expect(await sandbox.execute("true", { maxOutputBytes: 0 })).toMatchObject({
        outcome: "exited",
        exitCode: 0,
        truncated: false,
      });
      expect(await sandbox.execute("echo x; sleep 60", { maxOutputBytes: 0 })).toMatchObject({
        outcome: "output-limit",
        output: "",
        truncated: true,
      });
    },

    "stops a command at its timeout": async ({ sandbox }) => {
      const result = await sandbox.execute("echo before; sleep 60; echo after", {
        timeoutMs: 3000,
      });
      expect(result).toMatchObject({
        outcome: "timed-out",
        exitCode: null,
        signal: null,
        stdout: "before\n",
        truncated: false,
      });
      expect(result.durationMs).toBeGreaterThanOrEqual(2900);
    },

    "stops a command at the shortest timeout": async ({ sandbox }) => {
      expect((await sandbox.execute("sleep 60", { timeoutMs: 1 })).outcome).toBe("timed-out");
    },

    "stops a loop that does nothing": async ({ sandbox }) => {
      const result = await sandbox.execute("while :; do :; done", { timeoutMs: 1000 });
      expect(result).toMatchObject({ outcome: "timed-out", exitCode: null });
    },

    "stops at the timeout all that the command started": async (bench) => {
      const { sandbox, directory } = bench;
      const result = await sandbox.execute(`(${BEAT}) & sh -c 'sleep 60; true' | cat`, {
        cwd: directory,
        timeoutMs: 2000,
      });
      expect(result.outcome).toBe("timed-out");
      await expectBeatStopped(bench);
    },

    "stops a command that ignores signals": async (bench) => {
      const { sandbox, directory } = bench;
      const result = await sandbox.execute(`trap '' TERM INT HUP; ${BEAT}`, {
        cwd: directory,
        timeoutMs: 2000,
      });
      expect(result.outcome).toBe("timed-out");
      await expectBeatStopped(bench);
    },

    "stops a command that left its session": async (bench) => {
      const { sandbox, directory } = bench;
      const result = await sandbox.execute(`setsid sh -c '${BEAT}' & sleep 60`, {
        cwd: directory,
        timeoutMs: 2000,
      });
      expect(result.outcome).toBe("timed-out");
      await expectBeatStopped(bench);
    },

    "leaves other commands running where one is stopped": async ({ sandbox, run }) => {
      const other = run("sleep 2; echo survived");
      const stopped = await sandbox.execute("sleep 60", { timeoutMs: 500 });
      expect(stopped.outcome).toBe("timed-out");
      expect((await other).stdout).toBe("survived\n");
    },

    "stops a command where its signal fires": async (bench) => {
      const { sandbox, directory } = bench;
      const abort = new AbortController();
      const running = sandbox.execute(`echo before; ${BEAT}`, {
        cwd: directory,
        signal: abort.signal,
      });
      await beatStarted(bench);
      // By now the caller has been told that it runs: before that, an abort is an error.
      await sandbox.execute("true");
      abort.abort();
      expect(await running).toMatchObject({
        outcome: "cancelled",
        exitCode: null,
        signal: null,
        stdout: "before\n",
      });
      await expectBeatStopped(bench);
    },

    "does not wait for a child that holds the output open": async ({ sandbox, run }) => {
      const result = await run("sleep 60 & echo started");
      expect(result.stdout).toBe("started\n");
      expect(result.durationMs).toBeLessThan(20_000);
      expect((await sandbox.execute("echo next")).stdout).toBe("next\n");
    },

    "works on after commands were stopped": async ({ sandbox, run }) => {
      for (let round = 0; round < 5; round++) {
        await sandbox.execute("sleep 60", { timeoutMs: 20 });
      }
      expect((await run("echo fine")).stdout).toBe("fine\n");
    },
  },
};
