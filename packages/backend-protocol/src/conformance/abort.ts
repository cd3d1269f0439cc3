import { expect } from "vitest";
import type { OperationOptions } from "../files.ts";
import type { Behaviour, BehaviourGroup } from "./behaviour.ts";
import type { TestBench } from "./test-bench.ts";

type Call = (bench: TestBench, options: OperationOptions) => Promise<unknown>;

const CALLS: Readonly<Record<string, Call>> = {
  stat: ({ sandbox, path }, options) => sandbox.stat(path("file"), options),
  ls: ({ sandbox, directory }, options) => sandbox.ls(directory, options),
  read: ({ sandbox, path }, options) => sandbox.read(path("file"), options),
  readLines: ({ sandbox, path }, options) => sandbox.readLines(path("file"), options),
  write: ({ sandbox, path }, options) => sandbox.write(path("file"), "changed", options),
  edit: ({ sandbox, path }, options) => sandbox.edit(path("file"), "old", "changed", options),
  remove: ({ sandbox, path }, options) => sandbox.remove(path("file"), options),
  move: ({ sandbox, path }, options) => sandbox.move(path("file"), path("moved"), options),
  mkdir: ({ sandbox, path }, options) => sandbox.mkdir(path("made"), options),
  glob: ({ sandbox, directory }, options) => sandbox.glob("*", { path: directory, ...options }),
  grep: ({ sandbox, directory }, options) => sandbox.grep("old", { path: directory, ...options }),
  readStream: ({ sandbox, path }, options) => sandbox.readStream(path("file"), options),
  archive: ({ sandbox, directory }, options) => sandbox.archive(directory, options),
  execute: ({ sandbox, directory }, options) =>
    sandbox.execute("echo changed > file", { cwd: directory, ...options }),
  spawn: ({ sandbox, directory }, options) =>
    sandbox.spawn("echo changed > file", { cwd: directory, ...options }),
  processes: ({ sandbox }, options) => sandbox.processes(options),
};

const abortedCalls = Object.fromEntries(
  Object.entries(CALLS).map(([method, call]): [string, Behaviour] => [
    `${method} does nothing where its signal has fired`,
    async (bench) => {
      const { sandbox, directory, path, rejects, text } = bench;
      await sandbox.write(path("file"), "old");
      await rejects(call(bench, { signal: AbortSignal.abort() }), "aborted");
      expect(await text("file")).toBe("old");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual(["file"]);
    },
  ]),
);

export const abortBehaviours: BehaviourGroup = {
  name: "abort",
  behaviours: {
    ...abortedCalls,

    "attach does nothing where its signal has fired": async ({ sandbox, rejects }) => {
      const process = await sandbox.spawn("true");
      await process.result;
      await rejects(sandbox.attach(process.id, { signal: AbortSignal.abort() }), "aborted");
    },

    "a signal that fires late changes nothing": async ({ sandbox, path, text }) => {
      const abort = new AbortController();
      const { signal } = abort;
      await sandbox.write(path("file"), "written", { signal });
      const result = await sandbox.execute("echo done", { signal });
      abort.abort();
      expect(result).toMatchObject({ outcome: "exited", stdout: "done\n" });
      expect(await text("file")).toBe("written");
    },
  },
};
