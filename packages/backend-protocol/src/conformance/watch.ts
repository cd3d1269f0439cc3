import { expect } from "vitest";
import type { FileEvent } from "../files.ts";
import { SandboxError } from "../sandbox-error.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import type { TestBench } from "./test-bench.ts";

type Wanted = (event: FileEvent) => boolean;

/**
 * Repeat a change until the watch tells of it: when a watch begins to see is its own affair. The
 * change must make the wanted event each time.
 */
async function expectEvent(
  { sandbox, directory }: TestBench,
  change: (round: number) => Promise<unknown>,
  wanted: Wanted,
): Promise<void> {
  const abort = new AbortController();
  let seen = false;
  const watching = (async () => {
    for await (const event of sandbox.watch!(directory, { signal: abort.signal })) {
      if (!wanted(event)) continue;
      seen = true;
      return;
    }
  })();
  for (let round = 0; !seen; round++) {
    await change(round);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await watching;
  abort.abort();
}

export const watchBehaviours: BehaviourGroup = {
  name: "watch",
  requires: "watch",
  behaviours: {
    "tells of a file that is made": (bench) =>
      expectEvent(
        bench,
        (round) => bench.sandbox.write(bench.path(`new-${round}`), "x"),
        ({ type, path }) => type === "created" && path.startsWith(bench.path("new-")),
      ),

    "tells of a file that a command changes": async (bench) => {
      await bench.sandbox.write(bench.path("file"), "x");
      await expectEvent(
        bench,
        () => bench.run("echo more >> file"),
        ({ type, path }) => type === "changed" && path === bench.path("file"),
      );
    },

    "tells of a file that is removed": async (bench) => {
      const { sandbox, path } = bench;
      await expectEvent(
        bench,
        async (round) => {
          await sandbox.write(path(`old-${round}`), "x");
          await sandbox.remove(path(`old-${round}`));
        },
        (event) => event.type === "removed" && event.path.startsWith(path("old-")),
      );
    },

    "tells of changes in directories below": async (bench) => {
      await bench.sandbox.mkdir(bench.path("a/b"));
      await expectEvent(
        bench,
        (round) => bench.sandbox.write(bench.path(`a/b/new-${round}`), "x"),
        ({ path }) => path.startsWith(bench.path("a/b/new-")),
      );
    },

    "ends where its signal fires": async ({ sandbox, directory }) => {
      const abort = new AbortController();
      const events = sandbox.watch!(directory, { signal: abort.signal })[Symbol.asyncIterator]();
      const next = events.next();
      abort.abort();
      const end = await next.then(
        ({ done }) => (done ? "done" : "event"),
        (error: unknown) => (SandboxError.isInstance(error) ? error.code : String(error)),
      );
      expect(["done", "aborted"]).toContain(end);
    },
  },
};
