import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { bytesOf, expectGapless, outputOf, readUntil } from "./processes-under-test.ts";

const THREE_LINES = "for n in 1 2 3; do echo $n; sleep 0.1; done";

export const attachBehaviours: BehaviourGroup = {
  name: "attach",
  behaviours: {
    "gives the output of a running process from its start": async ({ sandbox }) => {
      const process = await sandbox.spawn("echo early; read line; echo late", { stdin: "open" });
      await readUntil(process.output[Symbol.asyncIterator](), "early\n");
      const attached = await sandbox.attach(process.id);
      expect(attached.id).toBe(process.id);
      await process.write("go\n");
      const chunks = await outputOf(attached);
      expectGapless(chunks);
      expect(Buffer.from(bytesOf(chunks)).toString()).toBe("early\nlate\n");
      expect(await attached.result).toEqual(await process.result);
    },

    "gives the output of a process that ended": async ({ sandbox }) => {
      const process = await sandbox.spawn(THREE_LINES);
      await process.result;
      const attached = await sandbox.attach(process.id);
      expect(await attached.result).toEqual(await process.result);
      const chunks = await outputOf(attached);
      expectGapless(chunks);
      expect(Buffer.from(bytesOf(chunks)).toString()).toBe("1\n2\n3\n");
    },

    "goes on after a sequence number": async ({ sandbox }) => {
      const process = await sandbox.spawn(THREE_LINES);
      const chunks = await outputOf(process);
      for (let after = 0; after <= chunks.length; after++) {
        const rest = await outputOf(await sandbox.attach(process.id, { after }));
        expectGapless(rest, after + 1);
        expect(rest).toEqual(chunks.slice(after));
      }
    },

    "goes on after a sequence number while the process runs": async ({ sandbox }) => {
      const process = await sandbox.spawn("echo one; read line; echo two", { stdin: "open" });
      await readUntil(process.output[Symbol.asyncIterator](), "one\n");
      const attached = await sandbox.attach(process.id, { after: 1 });
      await process.write("go\n");
      const chunks = await outputOf(attached);
      expectGapless(chunks, 2);
      expect(Buffer.from(bytesOf(chunks)).toString()).toBe("two\n");
    },

    "gives nothing after the last sequence number": async ({ sandbox }) => {
      const process = await sandbox.spawn("echo one");
      await process.result;
      expect(await outputOf(await sandbox.attach(process.id, { after: 1_000_000 }))).toEqual([]);
    },

    "gives each of several readers everything": async ({ sandbox }) => {
      const process = await sandbox.spawn(THREE_LINES);
      const handles = await Promise.all([1, 2].map(() => sandbox.attach(process.id)));
      const outputs = await Promise.all([process, ...handles].map((handle) => outputOf(handle)));
      expect(Buffer.from(bytesOf(outputs[0]!)).toString()).toBe("1\n2\n3\n");
      expect(outputs[1]).toEqual(outputs[0]);
      expect(outputs[2]).toEqual(outputs[0]);
    },

    "writes to an open stdin": async ({ sandbox }) => {
      const process = await sandbox.spawn("cat", { stdin: "open" });
      const attached = await sandbox.attach(process.id);
      await attached.write("from elsewhere");
      await attached.closeStdin();
      expect(Buffer.from(bytesOf(await outputOf(process))).toString()).toBe("from elsewhere");
    },

    kills: async ({ sandbox }) => {
      const process = await sandbox.spawn("sleep 60");
      await (await sandbox.attach(process.id)).kill();
      expect((await process.result).outcome).toBe("cancelled");
    },

    "does not stop the process where its own signal fires": async ({ sandbox }) => {
      const process = await sandbox.spawn("read line; echo still here", { stdin: "open" });
      const abort = new AbortController();
      await sandbox.attach(process.id, { signal: abort.signal });
      abort.abort();
      await process.write("go\n");
      expect(Buffer.from(bytesOf(await outputOf(process))).toString()).toBe("still here\n");
      expect((await process.result).outcome).toBe("exited");
    },

    "refuses a sequence number that is none": async ({ sandbox, rejects }) => {
      const process = await sandbox.spawn("true");
      for (const after of [-1, 0.5, Number.NaN]) {
        await rejects(sandbox.attach(process.id, { after }), "invalid-argument");
      }
    },

    "fails for an unknown process": async ({ sandbox, rejects }) => {
      for (const id of ["", "unknown", "0", "-1", "../1", "a\0b", "__proto__"]) {
        await rejects(sandbox.attach(id), "not-found");
      }
    },
  },
};
