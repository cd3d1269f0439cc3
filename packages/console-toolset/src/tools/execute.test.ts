import type { OutputChunk, ProcessHandle, ProcessResult, Sandbox } from "@carrel/backend-protocol";
import { expect, test } from "vitest";
import type { CommandArtifact } from "../artifacts.ts";
import { createConsoleToolset } from "../create-console-toolset.ts";
import { callTool, openWorkbench } from "../testing/workbench.ts";

test("execute gives both streams and the exit code, and the artifact for people", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "execute", { command: "echo out; echo err >&2" });

  expect(answer.status).toBe("success");
  expect(answer.text).toBe("out\nerr\n[exit code 0]");
  expect(answer.artifact).toEqual({
    kind: "command",
    command: "echo out; echo err >&2",
    outcome: "exited",
    exitCode: 0,
    signal: null,
    output: "out\nerr\n",
    truncated: false,
    durationMs: expect.any(Number),
  });
});

test("a command that exits with another code than 0 is a result and no error", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "execute", { command: "printf no; exit 3" });

  expect(answer).toMatchObject({ status: "success", content: "no\n[exit code 3]" });
});

test("a command that prints nothing still says how it ended", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  expect((await callTool(tools, "execute", { command: "true" })).text).toBe("[exit code 0]");
});

test("execute leaves out the middle of long output and says how much", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox, maxResultCharacters: 1000 });

  const answer = await callTool(tools, "execute", { command: "seq 1 50000" });

  const [, omitted] = /\n\[… (\d+) characters left out …\]\n/.exec(answer.text) ?? [];
  const artifact: CommandArtifact = answer.artifact;
  expect(answer.text).toMatch(/^1\n2\n3\n/);
  expect(answer.text).toMatch(/\n49999\n50000\n\[exit code 0\]$/);
  expect(Number(omitted)).toBe(288_894 - 1000);
  expect(artifact.truncated).toBe(true);
  expect(artifact.output.length).toBeLessThan(100_100);
  expect(artifact.output).toContain("188894 characters left out");
});

test("the model sees no escape sequences and no overwritten progress", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });
  const command = String.raw`printf '\033[31mred\033[0m\r\n 10%%\r 50%%\r100%%\ndone\a\0\n'`;

  const answer = await callTool(tools, "execute", { command });

  expect(answer.text).toBe("red\n100%\ndone\n[exit code 0]");
  expect(answer.artifact.output).toContain("\u001b[31mred");
});

test("a command that takes too long is stopped, with what it printed until then", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  const answer = await callTool(tools, "execute", {
    command: "echo begun; sleep 60",
    timeout_seconds: 3,
  });

  expect(answer.status).toBe("error");
  expect(answer.text).toMatch(/^begun\n\[stopped: it ran for 3 s without ending\. Allow it more/);
  expect(answer.artifact).toMatchObject({ outcome: "timed-out", exitCode: null });
});

test("the model cannot allow more time than the server does", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox, maxExecuteTimeoutMs: 180_000 });

  const answer = await callTool(tools, "execute", { command: "true", timeout_seconds: 181 });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("expected number to be <=180\n  → at timeout_seconds");
});

test("a command that prints without end is stopped", async () => {
  await using bench = await openWorkbench();
  const tools = createConsoleToolset({ backend: bench.sandbox });

  await bench.sandbox.write("big.txt", "y".repeat(3 * 1024 * 1024));

  const answer = await callTool(tools, "execute", { command: "cat big.txt big.txt big.txt" });

  expect(answer.status).toBe("error");
  expect(answer.text).toContain("[stopped: it printed more than 8 MiB");
  expect(answer.artifact).toMatchObject({ outcome: "output-limit", truncated: true });
});

// Ends that this sandbox does not come to by itself.
test.for<[Partial<ProcessResult>, string, string]>([
  [{ outcome: "signaled", signal: "SIGSEGV" }, "error", "[killed by SIGSEGV]"],
  [{ outcome: "out-of-memory" }, "error", "[stopped: the sandbox's memory was used up"],
  [{ outcome: "cancelled" }, "error", "[stopped from outside, before it ended]"],
  [{ outcome: "lost" }, "error", "[lost: the sandbox ended or cannot be reached"],
  [
    { outcome: "exited", exitCode: 0, durationMs: 61_234 },
    "success",
    "[exit code 0, after 61.2 s]",
  ],
])("execute tells the end %o", async ([ended, status, says]) => {
  await using bench = await openWorkbench();
  const result: ProcessResult = {
    outcome: "exited",
    exitCode: null,
    signal: null,
    truncated: false,
    durationMs: 5,
    ...ended,
  };
  const backend: Sandbox = { ...bench.sandbox, spawn: async () => endedProcess(result) };

  const answer = await callTool(createConsoleToolset({ backend }), "execute", { command: "x" });

  expect(answer.status).toBe(status);
  expect(answer.text).toContain(says);
});

test("output that was lost on the way is marked where it is missing", async () => {
  await using bench = await openWorkbench();
  const chunks = [1, 5].map((sequence) => ({
    sequence,
    stream: "stdout" as const,
    data: new TextEncoder().encode(`chunk ${sequence}`),
  }));
  const result: ProcessResult = {
    outcome: "exited",
    exitCode: 0,
    signal: null,
    truncated: false,
    durationMs: 5,
  };
  const backend: Sandbox = { ...bench.sandbox, spawn: async () => endedProcess(result, chunks) };

  const answer = await callTool(createConsoleToolset({ backend }), "execute", { command: "x" });

  expect(answer.text).toContain("chunk 1\n[… output is missing here …]\nchunk 5\n[exit code 0");
  expect(answer.artifact.truncated).toBe(true);
});

function endedProcess(result: ProcessResult, chunks: readonly OutputChunk[] = []): ProcessHandle {
  return {
    id: "1",
    output: (async function* () {
      yield* chunks;
    })(),
    result: Promise.resolve(result),
    write: async () => {},
    closeStdin: async () => {},
    kill: async () => {},
  };
}
