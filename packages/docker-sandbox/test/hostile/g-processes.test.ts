import { SandboxError } from "@carrel/backend-protocol";
import type { ExecuteResult } from "@carrel/backend-protocol";
import { expect, it, vi } from "vitest";
import {
  describeAttacks,
  expectUndisturbed,
  expectUsable,
  refusal,
  textOf,
} from "./hostile-bench.ts";

/** Ways of a child to get away from whoever wants to stop it. */
const ESCAPES = {
  setsid: "setsid sleep 4242",
  nohup: "nohup sleep 4242",
  "double fork": "(sleep 4242 & ) ; sleep 60",
  disown: "bash -c 'sleep 4242 & disown; sleep 60'",
  "another name": "bash -c 'exec -a innocent sleep 4242'",
  stopped: "sh -c 'kill -STOP $$; sleep 4242'",
  "ignored signals": "sh -c \"trap '' TERM INT HUP QUIT; sleep 4242; sleep 4242\"",
  "no environment": "env -i setsid sleep 4242",
  "all of it": "(env -i setsid nohup sh -c \"trap '' TERM; sleep 4242\" &) ; sleep 60",
};

const SUICIDES = {
  "kill -9 -1": "kill -9 -1",
  "kill -9 1": "kill -9 1; kill -TERM 1; kill -STOP 1",
  "the agent": "pkill -9 -f carrel-agent; true",
  pkill: "pkill -9 -u $(id -u)",
  shutdown: "shutdown now; reboot; halt; poweroff; true",
};

const REFUSED_TIMEOUTS = [0, -1, Number.NaN, 1e12, Number.POSITIVE_INFINITY, 1.5];

/** A command that ends the agent under it is a result, or nobody knows whether it began. */
async function outcomeOf(running: Promise<ExecuteResult>): Promise<void> {
  const outcome = await running.then(
    (result) => result.outcome,
    (error: unknown) => (SandboxError.isInstance(error) ? error.code : error),
  );
  expect(["exited", "signaled", "timed-out", "lost", "unavailable"]).toContain(outcome);
}

describeAttacks("G: processes, timeouts, signals, standard input", (bench) => {
  async function expectNoneLeft(pattern: string): Promise<void> {
    await vi.waitFor(
      async () => {
        const { stdout } = await bench.sandbox.execute(
          `ps -eo args= | grep -F '${pattern}' | grep -vc 'grep' || true`,
        );
        // The shell that asks has the pattern in its own command line.
        expect(Number(stdout)).toBeLessThanOrEqual(1);
      },
      { timeout: 20_000 },
    );
  }

  it("G1: a command is over at its timeout, and dead", async () => {
    const result = await bench.sandbox.execute("sleep 4141", { timeoutMs: 1000 });
    expect(result.outcome).toBe("timed-out");
    await expectNoneLeft("sleep 4141");
  });

  it("G2: one that ignores signals is dead as well", async () => {
    const command = "trap '' TERM INT HUP; while :; do sleep 4142; done";
    const result = await bench.sandbox.execute(command, { timeoutMs: 1000 });
    expect(result.outcome).toBe("timed-out");
    await expectNoneLeft("sleep 4142");
  });

  for (const [kind, command] of Object.entries(ESCAPES)) {
    it(`G3 ${kind}: what a command started dies with it`, async () => {
      const result = await bench.sandbox.execute(`${command} & wait`, { timeoutMs: 1500 });
      expect(["timed-out", "exited"]).toContain(result.outcome);
      if (result.outcome === "timed-out") await expectNoneLeft("sleep 4242");
      await bench.sandbox.execute("pkill -9 -x sleep");
    });
  }

  it("G4: one that forks faster than it is killed is dead", async () => {
    const { sandbox } = bench;
    // The shell itself forks only at first: one that cannot ends by itself.
    const forks = "f() { sh -c : & f & }; f & (while :; do sh -c : & done) &";
    const result = await sandbox.execute(`${forks} while :; do :; done`, { timeoutMs: 2000 });
    expect(result.outcome).toBe("timed-out");
    await expectUsable(sandbox);
  });

  for (const [kind, command] of Object.entries(SUICIDES)) {
    it(`G5 ${kind}: the sandbox goes on, and the next command runs`, async () => {
      const { sandbox } = bench;
      await sandbox.write("g5", kind);
      await outcomeOf(sandbox.execute(command, { timeoutMs: 5000 }));
      await vi.waitFor(() => expectUsable(sandbox), { timeout: 20_000 });
      expect(await textOf(sandbox, "g5")).toBe(kind);
      await expectUndisturbed(bench);
    });
  }

  it("G5 others: what else ran is told as ended, never as a success", async () => {
    const { sandbox } = bench;
    const other = sandbox.execute("sleep 60; echo survived");
    await vi.waitFor(async () => {
      expect((await sandbox.processes()).map(({ command }) => command)).toContain(
        "sleep 60; echo survived",
      );
    });
    await outcomeOf(sandbox.execute("kill -9 -1", { timeoutMs: 5000 }));
    expect(["signaled", "lost"]).toContain((await other).outcome);
  });

  for (const command of ["cat", "read x", "python3 -", "git commit --allow-empty", "sh"]) {
    it(`G6 ${command}: what reads its input finds the end of it`, async () => {
      const result = await bench.sandbox.execute(command, { timeoutMs: 20_000 });
      expect(result.outcome).toBe("exited");
    });
  }

  it("G7: input of every size, read or not, holds up nothing", async () => {
    const { sandbox } = bench;
    const large = "x".repeat(10_000_000);
    expect((await sandbox.execute("wc -c", { stdin: large })).stdout.trim()).toBe("10000000");
    expect((await sandbox.execute("true", { stdin: large })).outcome).toBe("exited");
    expect((await sandbox.execute("head -c 1", { stdin: large })).stdout).toBe("x");
    expect((await sandbox.execute("exec <&-; sleep 0.2", { stdin: large })).exitCode).toBe(0);
    const waiting = await sandbox.execute("sleep 60", { stdin: large, timeoutMs: 1000 });
    expect(waiting.outcome).toBe("timed-out");
  });

  for (const command of ["top", "less /etc/passwd", "watch ls"]) {
    it(`G8 ${command}: a program for terminals ends by itself or by its timeout`, async () => {
      const result = await bench.sandbox.execute(command, { timeoutMs: 2000 });
      expect(["exited", "timed-out"]).toContain(result.outcome);
    });
  }

  it("G10: a server that a command leaves behind is there for the next one", async () => {
    const { sandbox } = bench;
    const started = await sandbox.execute("python3 -m http.server 8123 >/dev/null 2>&1 & echo up");
    expect(started).toMatchObject({ outcome: "exited", stdout: "up\n" });
    await vi.waitFor(async () => {
      const connection = await sandbox.connect?.(8123);
      connection?.destroy();
    });
    await sandbox.execute("pkill -f http.server");
  });

  it("G11: a command that ends at its timeout ends in one way", async () => {
    const { sandbox } = bench;
    for (let round = 0; round < 100; round++) {
      const result = await sandbox.execute("sleep 0.02; exit 3", { timeoutMs: 15 + (round % 15) });
      if (result.outcome === "exited") expect(result.exitCode).toBe(3);
      else expect(result).toMatchObject({ outcome: "timed-out", exitCode: null });
    }
  });

  it("G12: a command that is given up at any time ends, once", async () => {
    const { sandbox } = bench;
    for (let round = 0; round < 100; round++) {
      const abort = new AbortController();
      setTimeout(() => abort.abort(), round % 12);
      const outcome = await sandbox.execute("sleep 0.005", { signal: abort.signal }).then(
        (result) => result.outcome,
        () => "aborted",
      );
      expect(["exited", "cancelled", "aborted"]).toContain(outcome);
    }
    // One that was given up before it had begun is still being ended.
    await vi.waitFor(async () => {
      const running = (await sandbox.processes()).filter(({ result }) => result === null);
      expect(running).toEqual([]);
    });
  });

  it("G14: of fifty commands at once only the late one is stopped", async () => {
    const { sandbox } = bench;
    const others = Array.from({ length: 49 }, (_, index) =>
      sandbox.execute(`sleep 2; echo ${index}`),
    );
    const late = await sandbox.execute("sleep 60", { timeoutMs: 500 });
    expect(late.outcome).toBe("timed-out");
    for (const [index, result] of (await Promise.all(others)).entries()) {
      expect(result).toMatchObject({ outcome: "exited", stdout: `${index}\n` });
    }
  });

  for (const timeoutMs of REFUSED_TIMEOUTS) {
    it(`G15 ${timeoutMs}: such a timeout is refused`, async () => {
      expect(await refusal(bench.sandbox.execute("true", { timeoutMs }))).toBe("invalid-argument");
    });
  }
});
