import { parentPort } from "node:worker_threads";
import { Bash, MountableFs, ReadWriteFs } from "just-bash";
import type { BashExecResult } from "just-bash";
import type { CommandJob, CommandMessage } from "./command-job.ts";
import { nodeCommand } from "./node-command.ts";
import { pythonCommands } from "./python-command.ts";
import { OutputFileSystem, STDERR_NAME, STDOUT_NAME } from "./output-file-system.ts";
import { ReadOnlyFileSystem } from "./read-only-file-system.ts";
import { streamOutputPlugin } from "./stream-output-plugin.ts";

/**
 * The entry of a worker thread that runs one command at a time. The thread is what makes a command
 * stoppable: an interpreter in a busy loop hears no signal, but its thread can be terminated.
 */
const OUTPUT_DIR = "/dev/carrel";
const CHUNK_BYTES = 64 * 1024;
const HOLD_MS = 20;

// The thread is stopped from outside, by its deadline, its memory and its output; just-bash's own
// counters would end honest long loops.
const UNBOUNDED = Number.MAX_SAFE_INTEGER;
const EXECUTION_LIMITS = {
  maxCommandCount: UNBOUNDED,
  maxLoopIterations: UNBOUNDED,
  maxAwkIterations: UNBOUNDED,
  maxSedIterations: UNBOUNDED,
  maxJqIterations: UNBOUNDED,
  maxWorkUnits: UNBOUNDED,
  maxExecutionTimeMs: 24 * 60 * 60 * 1000,
  maxPythonTimeoutMs: 24 * 60 * 60 * 1000,
  maxJsTimeoutMs: 24 * 60 * 60 * 1000,
  maxSqliteTimeoutMs: 24 * 60 * 60 * 1000,
};
const FAILED_EXIT_CODE = 1;
const MAX_FILE_BYTES = 256 * 1024 * 1024;

parentPort?.on("message", (job: CommandJob) => void run(job));

async function run(job: CommandJob): Promise<void> {
  const send = boundedOutput(job.maxOutputBytes);
  const bash = new Bash({
    fs: fileSystem(job, send),
    cwd: job.cwd,
    env: job.env,
    python: true,
    javascript: true,
    customCommands: [nodeCommand(), ...pythonCommands()],
    processInfo: { uid: 1000, gid: 1000 },
    executionLimits: EXECUTION_LIMITS,
  });
  bash.registerTransformPlugin(
    streamOutputPlugin(`${OUTPUT_DIR}/${STDOUT_NAME}`, `${OUTPUT_DIR}/${STDERR_NAME}`),
  );
  const stdin = Buffer.from(job.stdin).toString("latin1");
  try {
    const options = { rawScript: true, stdin, stdinKind: "bytes" } as const;
    const result = await bash.exec(job.command, options);
    sendRest(result, send);
    say({ type: "exit", exitCode: result.exitCode });
  } catch (error) {
    // What the interpreter does not turn into a status itself, such as a file that it cannot open.
    const message = error instanceof Error ? error.message : String(error);
    send("stderr", Buffer.from(`bash: ${message}\n`));
    say({ type: "exit", exitCode: FAILED_EXIT_CODE });
  }
}

function fileSystem(job: CommandJob, send: SendOutput): MountableFs {
  const mounts = job.mounts.map(({ path, hostPath }) => ({
    mountPoint: path,
    filesystem: new ReadWriteFs({ root: hostPath, maxFileReadSize: MAX_FILE_BYTES }),
  }));
  const output = { mountPoint: OUTPUT_DIR, filesystem: new OutputFileSystem(send) };
  return new MountableFs({ base: new ReadOnlyFileSystem(), mounts: [...mounts, output] });
}

// What the shell itself reports (a syntax error, `time`) is in the result and in no file.
function sendRest(result: BashExecResult, send: SendOutput): void {
  const encoding = result.stdoutKind === "bytes" ? "latin1" : "utf8";
  send("stdout", Buffer.from(result.stdout, encoding));
  send("stderr", Buffer.from(result.stderr, "utf8"));
}

type SendOutput = (stream: "stdout" | "stderr", data: Uint8Array) => void;

function boundedOutput(maxOutputBytes: number): SendOutput {
  let left = maxOutputBytes;
  return (stream, data) => {
    const allowed = Math.min(left, data.length);
    for (let start = 0; start < allowed; start += CHUNK_BYTES) {
      const end = Math.min(start + CHUNK_BYTES, allowed);
      say({ type: "output", stream, data: new Uint8Array(data.subarray(start, end)) });
    }
    left -= allowed;
    if (allowed < data.length) {
      say({ type: "output-limit" });
      holdThread();
    }
  };
}

// Until the thread is terminated: nothing that the command still does may have an effect. In short
// waits, since a termination that comes just before a wait does not end it.
function holdThread(): never {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) Atomics.wait(never, 0, 0, HOLD_MS);
}

function say(message: CommandMessage): void {
  parentPort?.postMessage(message);
}
