import { expect } from "vitest";
import { MAX_CHUNK_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { MEBIBYTE, expectBytes, noise } from "./bytes.ts";
import {
  BEAT,
  beatStarted,
  bytesOf,
  expectBeatStopped,
  expectGapless,
  outputOf,
  readUntil,
} from "./processes-under-test.ts";

export const spawnBehaviours: BehaviourGroup = {
  name: "spawn",
  behaviours: {
    "gives output and result": async ({ sandbox }) => {
      const process = await sandbox.spawn("echo out; exit 3");
      expect(process.id).not.toBe("");
      const chunks = await outputOf(process);
      expect(Buffer.from(bytesOf(chunks)).toString()).toBe("out\n");
      expect(chunks.every(({ stream }) => stream === "stdout")).toBe(true);
      expect(await process.result).toEqual({
        outcome: "exited",
        exitCode: 3,
        signal: null,
        truncated: false,
        durationMs: expect.any(Number),
      });
    },

    "gives each process an id of its own": async ({ sandbox }) => {
      const processes = await Promise.all([1, 2, 3].map(() => sandbox.spawn("true")));
      expect(new Set(processes.map(({ id }) => id)).size).toBe(3);
      await Promise.all(processes.map(({ result }) => result));
    },

    "gives output while the command runs": async (bench) => {
      const { sandbox, directory } = bench;
      const process = await sandbox.spawn(`echo first; ${BEAT}`, { cwd: directory });
      const output = process.output[Symbol.asyncIterator]();
      expect(await readUntil(output, "first\n")).toBe("first\n");
      await beatStarted(bench);
      await process.kill();
      expect((await output.next()).done).toBe(true);
    },

    "numbers its chunks from 1 without gaps": async ({ sandbox }) => {
      const process = await sandbox.spawn(
        "for n in 1 2 3; do echo $n; sleep 0.05; echo err >&2; sleep 0.05; done",
      );
      const chunks = await outputOf(process);
      expectGapless(chunks);
      expect(chunks.map(({ stream }) => stream)).toContain("stderr");
    },

    "gives large output whole, in chunks of bounded size": async ({ sandbox, directory, path }) => {
      const content = noise(5 * MEBIBYTE);
      await sandbox.write(path("file"), content);
      const process = await sandbox.spawn("cat file", {
        cwd: directory,
        maxOutputBytes: 16 * MEBIBYTE,
      });
      const chunks = await outputOf(process);
      expectBytes(bytesOf(chunks), content);
      expectGapless(chunks);
      for (const { data } of chunks) {
        expect(data.length).toBeGreaterThan(0);
        expect(data.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
      }
    },

    "runs to its end though nobody reads": async ({ sandbox, directory, path, text }) => {
      await sandbox.write(path("file"), new Uint8Array(MEBIBYTE));
      const process = await sandbox.spawn("cat file; echo end > marker", {
        cwd: directory,
        maxOutputBytes: 2 * MEBIBYTE,
      });
      expect((await process.result).outcome).toBe("exited");
      expect(await text("marker")).toBe("end\n");
    },

    "runs on where its reader leaves": async ({ sandbox, directory, text }) => {
      const process = await sandbox.spawn("echo 1; sleep 0.3; echo 2; echo end > marker", {
        cwd: directory,
      });
      for await (const _ of process.output) break;
      expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
      expect(await text("marker")).toBe("end\n");
    },

    "gives its output after it ended": async ({ sandbox }) => {
      const process = await sandbox.spawn("echo kept");
      await process.result;
      expect(Buffer.from(bytesOf(await outputOf(process))).toString()).toBe("kept\n");
    },

    "talks with a command over an open stdin": async ({ sandbox }) => {
      const process = await sandbox.spawn('while read line; do echo "got $line"; done; echo bye', {
        stdin: "open",
      });
      const output = process.output[Symbol.asyncIterator]();
      for (const word of ["one", "two", "three"]) {
        await process.write(`${word}\n`);
        expect(await readUntil(output, "\n")).toBe(`got ${word}\n`);
      }
      await process.closeStdin();
      expect(await readUntil(output, "\n")).toBe("bye\n");
      expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
    },

    "writes every byte to an open stdin as it is": async ({ sandbox, directory, path }) => {
      const content = noise(2 * MEBIBYTE);
      const process = await sandbox.spawn("cat > copy", { cwd: directory, stdin: "open" });
      for (let start = 0; start < content.length; start += 300_000) {
        await process.write(content.subarray(start, start + 300_000));
      }
      await process.closeStdin();
      await process.closeStdin();
      expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
      expectBytes(await sandbox.read(path("copy")), content);
    },

    "drops what is written after its end": async ({ sandbox }) => {
      const process = await sandbox.spawn("true", { stdin: "open" });
      await process.result;
      await process.write("too late");
      await process.closeStdin();
      expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 0 });
    },

    "refuses to write where stdin is not open": async ({ sandbox, rejects }) => {
      for (const options of [{}, { stdin: "given" }]) {
        const process = await sandbox.spawn("sleep 60", options);
        await rejects(process.write("x"), "invalid-argument");
        await process.kill();
      }
    },

    "takes stdin whole": async ({ sandbox }) => {
      const process = await sandbox.spawn("cat", { stdin: "héllo" });
      expect(Buffer.from(bytesOf(await outputOf(process))).toString()).toBe("héllo");
    },

    "kills the command and all that it started": async (bench) => {
      const { sandbox, directory } = bench;
      const process = await sandbox.spawn(`(${BEAT}) & sleep 60`, { cwd: directory });
      await beatStarted(bench);
      await process.kill();
      expect(await process.result).toMatchObject({
        outcome: "cancelled",
        exitCode: null,
        signal: null,
      });
      await expectBeatStopped(bench);
    },

    "kills a command that waits for stdin": async ({ sandbox }) => {
      const process = await sandbox.spawn("cat", { stdin: "open" });
      await process.kill();
      expect((await process.result).outcome).toBe("cancelled");
      expect(await outputOf(process)).toEqual([]);
    },

    "leaves what has ended as it is": async ({ sandbox }) => {
      const process = await sandbox.spawn("exit 5");
      await process.result;
      await process.kill();
      await process.kill();
      expect(await process.result).toMatchObject({ outcome: "exited", exitCode: 5 });
    },

    "stops where its signal fires": async (bench) => {
      const { sandbox, directory } = bench;
      const abort = new AbortController();
      const process = await sandbox.spawn(BEAT, { cwd: directory, signal: abort.signal });
      await beatStarted(bench);
      abort.abort();
      expect((await process.result).outcome).toBe("cancelled");
      await expectBeatStopped(bench);
    },

    "stops at its timeout": async ({ sandbox }) => {
      const process = await sandbox.spawn("echo before; sleep 60", { timeoutMs: 3000 });
      expect(Buffer.from(bytesOf(await outputOf(process))).toString()).toBe("before\n");
      expect((await process.result).outcome).toBe("timed-out");
    },

    "refuses what execute refuses": async ({ sandbox, rejects }) => {
      await rejects(sandbox.spawn("echo a\0b"), "invalid-argument");
      await rejects(sandbox.spawn("true", { env: { "A=B": "x" } }), "invalid-argument");
    },
  },
};
