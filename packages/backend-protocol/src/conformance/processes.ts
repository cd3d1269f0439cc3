import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";

const KEPT = 100;

export const processesBehaviours: BehaviourGroup = {
  name: "processes",
  behaviours: {
    "lists a running process": async ({ sandbox }) => {
      const process = await sandbox.spawn("sleep 60");
      const info = (await sandbox.processes()).find(({ id }) => id === process.id);
      expect(info).toEqual({
        id: process.id,
        command: "sleep 60",
        startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
        result: null,
      });
      await process.kill();
    },

    "lists a process that ended, with its result": async ({ sandbox }) => {
      const process = await sandbox.spawn("exit 4");
      const result = await process.result;
      const info = (await sandbox.processes()).find(({ id }) => id === process.id);
      expect(info?.result).toEqual(result);
      expect(info?.result).toMatchObject({ outcome: "exited", exitCode: 4 });
    },

    "lists what execute ran": async ({ sandbox }) => {
      const command = "echo 'found by this comment' # 日本語";
      await sandbox.execute(command);
      const info = (await sandbox.processes()).find((entry) => entry.command === command);
      expect(info?.result).toMatchObject({ outcome: "exited", exitCode: 0 });
    },

    "lists a process that was stopped": async ({ sandbox }) => {
      const process = await sandbox.spawn("sleep 60", { timeoutMs: 100 });
      await process.result;
      const info = (await sandbox.processes()).find(({ id }) => id === process.id);
      expect(info?.result?.outcome).toBe("timed-out");
    },

    "keeps the last hundred that ended, and all that run": async ({ sandbox, rejects }) => {
      const running = await sandbox.spawn("sleep 60");
      const first = await sandbox.spawn("true");
      await first.result;
      const ids: string[] = [];
      for (let count = 0; count < KEPT; count++) {
        const process = await sandbox.spawn("true");
        ids.push(process.id);
        await process.result;
      }
      const listed = await sandbox.processes();
      const ended = listed.filter(({ result }) => result !== null).map(({ id }) => id);
      expect(ended.toSorted()).toEqual(ids.toSorted());
      expect(listed.map(({ id }) => id)).toContain(running.id);
      await rejects(sandbox.attach(first.id), "not-found");
      await running.kill();
    },
  },
};
