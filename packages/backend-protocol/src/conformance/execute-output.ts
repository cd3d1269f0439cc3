import { expect } from "vitest";
import { DEFAULT_MAX_OUTPUT_BYTES } from "../limits.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { ALL_BYTES, MEBIBYTE, expectBytes, noise } from "./bytes.ts";
import { bytesOf, outputOf } from "./processes-under-test.ts";

const SPLIT_CHARACTER = "cat first; sleep 0.1; cat second";

export const executeOutputBehaviours: BehaviourGroup = {
  name: "execute: output",
  behaviours: {
    "tells all of a command": async ({ sandbox }) => {
      expect(await sandbox.execute("echo out")).toEqual({
        outcome: "exited",
        exitCode: 0,
        signal: null,
        truncated: false,
        durationMs: expect.any(Number),
        stdout: "out\n",
        stderr: "",
        output: "out\n",
      });
    },

    "keeps stdout and stderr apart": async ({ run }) => {
      const result = await run("echo out; echo err >&2");
      expect(result).toMatchObject({ stdout: "out\n", stderr: "err\n" });
      expect(["out\nerr\n", "err\nout\n"]).toContain(result.output);
    },

    "gives both streams in order": async ({ run }) => {
      const result = await run(
        "echo 1; sleep 0.2; echo 2 >&2; sleep 0.2; echo 3; sleep 0.2; echo 4 >&2",
      );
      expect(result).toMatchObject({ stdout: "1\n3\n", stderr: "2\n4\n", output: "1\n2\n3\n4\n" });
    },

    "gives nothing where nothing is written": async ({ run }) => {
      expect(await run("true")).toMatchObject({ stdout: "", stderr: "", output: "" });
    },

    "adds no line break and takes none away": async ({ run }) => {
      expect((await run("printf 'no end'")).stdout).toBe("no end");
      expect((await run("printf 'end\\n\\n\\r\\n'")).stdout).toBe("end\n\n\r\n");
    },

    "gives text of any script whole": async ({ run }) => {
      const text = "naïve 日本語 👩‍👩‍👧 עברית";
      expect((await run(`echo '${text}'; echo '${text}' >&2`)).output).toContain(text);
    },

    "keeps control sequences": async ({ sandbox, path, run }) => {
      const text = "\u001b[31mred\u001b[0m\u001b]0;title\u0007\b\f";
      await sandbox.write(path("file"), text);
      expect((await run("cat file")).stdout).toBe(text);
    },

    "gives bytes that a command makes as they are": async ({ sandbox, path, run }) => {
      await run("printf '\\200\\377\\000x' > made");
      expectBytes(await sandbox.read(path("made")), new Uint8Array([0x80, 0xff, 0, 0x78]));
    },

    "gives every byte as it is": async ({ sandbox, directory, path }) => {
      await sandbox.write(path("binary"), ALL_BYTES);
      const process = await sandbox.spawn("cat binary; cat binary >&2", { cwd: directory });
      const chunks = await outputOf(process);
      expectBytes(bytesOf(chunks, "stdout"), ALL_BYTES);
      expectBytes(bytesOf(chunks, "stderr"), ALL_BYTES);
    },

    "does not take output for its own framing": async ({ sandbox, directory, path }) => {
      const frame = Buffer.from([1, 0, 0, 0, 0, 0, 0, 5, 0x68, 0x65, 0x6c, 0x6c, 0x6f]);
      const content = Buffer.concat([frame, Buffer.from("\n0\nexit=0\n__END__\n"), frame, frame]);
      await sandbox.write(path("binary"), content);
      const process = await sandbox.spawn("cat binary", { cwd: directory });
      expectBytes(bytesOf(await outputOf(process)), content);
    },

    "shows bytes that are no text as U+FFFD": async ({ sandbox, path, run }) => {
      await sandbox.write(path("file"), Uint8Array.of(0x61, 0xff, 0x62));
      expect((await run("cat file")).stdout).toBe("a\ufffdb");
    },

    "keeps a NUL": async ({ sandbox, path, run }) => {
      await sandbox.write(path("file"), "a\0b");
      expect((await run("cat file")).stdout).toBe("a\0b");
    },

    "keeps a byte order mark": async ({ sandbox, path, run }) => {
      await sandbox.write(path("file"), "\ufefftext");
      const result = await run("cat file");
      expect(result).toMatchObject({ stdout: "\ufefftext", output: "\ufefftext" });
    },

    "joins a character that came in two pieces": async ({ sandbox, path, run }) => {
      const bytes = new TextEncoder().encode("[😀]");
      await sandbox.write(path("first"), bytes.subarray(0, 3));
      await sandbox.write(path("second"), bytes.subarray(3));
      expect(await run(SPLIT_CHARACTER)).toMatchObject({ stdout: "[😀]", output: "[😀]" });
    },

    "joins it also where the other stream wrote between": async ({ sandbox, path, run }) => {
      const bytes = new TextEncoder().encode("é");
      await sandbox.write(path("first"), bytes.subarray(0, 1));
      await sandbox.write(path("second"), bytes.subarray(1));
      const result = await run("cat first; sleep 0.1; printf E >&2; sleep 0.1; cat second");
      expect(result).toMatchObject({ stdout: "é", stderr: "E" });
      expect(result.output).not.toContain("\ufffd");
    },

    "gives as much as is allowed by default": async ({ sandbox, path, run }) => {
      await sandbox.write(path("file"), "o".repeat(DEFAULT_MAX_OUTPUT_BYTES));
      const result = await run("cat file");
      expect(result.stdout).toHaveLength(DEFAULT_MAX_OUTPUT_BYTES);
      expect(result.truncated).toBe(false);
    },

    "gives more where more is allowed": async ({ sandbox, directory, path }) => {
      const content = noise(6 * MEBIBYTE);
      await sandbox.write(path("file"), content);
      const process = await sandbox.spawn("cat file", {
        cwd: directory,
        maxOutputBytes: 8 * MEBIBYTE,
      });
      expectBytes(bytesOf(await outputOf(process)), content);
      expect(await process.result).toMatchObject({ outcome: "exited", truncated: false });
    },

    "does not mix the output of commands at the same time": async ({ run }) => {
      const commands = Array.from({ length: 10 }, (_, index) => index);
      const results = await Promise.all(
        commands.map((n) =>
          run(`for i in 1 2 3 4 5; do echo ${n}; sleep 0.01; echo err${n} >&2; done; exit 0`),
        ),
      );
      for (const n of commands) {
        expect(results[n]?.stdout).toBe(`${n}\n`.repeat(5));
        expect(results[n]?.stderr).toBe(`err${n}\n`.repeat(5));
      }
    },
  },
};
