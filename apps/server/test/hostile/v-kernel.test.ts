import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import { describeAttacks } from "./hostile-bench.ts";
import type { HostileBench, HostileCase } from "./hostile-bench.ts";
import { HostileUser } from "./hostile-user.ts";

const HOLD_SECONDS = 4;

/** Takes inotify instances until the kernel gives no more. */
const INOTIFY = `
import ctypes, os, time
libc = ctypes.CDLL(None)
held = 0
while libc.inotify_init1(0) >= 0 and held < 3000: held += 1
time.sleep(${HOLD_SECONDS})
`;

/** Leaves signals pending until the kernel takes no more. */
const SIGNALS = `
import ctypes, os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, range(signal.SIGRTMIN, signal.SIGRTMAX))
libc = ctypes.CDLL(None)
end = time.time() + ${HOLD_SECONDS}
while time.time() < end:
    if libc.sigqueue(os.getpid(), signal.SIGRTMIN + 1, None) != 0: break
time.sleep(max(0, end - time.time()))
`;

/** Locks memory, makes queues, segments and keys until the kernel gives no more. */
const COUNTED = `
import ctypes, os, time
libc = ctypes.CDLL(None)
for n in range(5000):
    libc.shmget(0, 4096, 0o1600); libc.msgget(0, 0o1600); libc.semget(0, 1, 0o1600)
    libc.syscall(248, b"user", b"k%d" % n, b"x", 1, -3)
libc.mlockall(3)
time.sleep(${HOLD_SECONDS})
`;

interface Exhaustion {
  /** The content of `exhaust.py`. */
  script?: string;
  command?: string;
  /** What the victim must be able to do besides. */
  check?: string;
}

/** Two sandboxes run a script at the same time, beside the neighbour. */
function exhausts(
  id: string,
  about: string,
  { script, command = "python3 exhaust.py", check = "true" }: Exhaustion,
): HostileCase {
  return {
    id,
    about: `two sandboxes ${about}`,
    async attack({ server }: HostileBench) {
      const attackers = await Promise.all(
        [1, 2].map(() => HostileUser.open(server, `attacker-${randomUUID()}`)),
      );
      const victim = await HostileUser.open(server, `victim-${randomUUID()}`);
      for (const user of attackers) {
        if (script === undefined) await user.putImpersonator();
        else await user.put("exhaust.py", script);
      }
      let over = false;
      const running = Promise.all(
        attackers.map((user) => user.execute(command).catch(() => null)),
      ).finally(() => (over = true));
      for (let round = 0; !over; round++) {
        const text = `whole-${round}`;
        // Much output shows also where some of it is lost.
        const works = `${check} && yes ${text} | head -n 20000`;
        const { outcome, exit_code: code, stdout, stderr } = await victim.execute(works);
        expect({ outcome, code, lines: stdout.split(`${text}\n`).length - 1 }, stderr).toEqual({
          outcome: "exited",
          code: 0,
          lines: 20_000,
        });
      }
      await running;
      await Promise.all([...attackers, victim].map((user) => user.end()));
    },
  };
}

const CHECK_INOTIFY =
  "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).inotify_init1(0) < 0)'";
const CHECK_EPOLL = "python3 -c 'import select, os; select.epoll().register(os.pipe()[0], 1)'";

describeAttacks("V: what the kernel counts by user", [
  exhausts("V1", "take all epoll watches", {
    command: "./impersonator --exhaust-epoll",
    check: CHECK_EPOLL,
  }),
  exhausts("V2", "take all inotify instances", { script: INOTIFY, check: CHECK_INOTIFY }),
  exhausts("V3", "leave signals pending", { script: SIGNALS }),
  exhausts("V4", "take segments, queues, semaphores, keys and locked memory", { script: COUNTED }),
  {
    id: "V5",
    about:
      "a command lowers how soon the kernel ends it; it is the sandbox's own bound that counts",
    async attack({ server }) {
      const user = await HostileUser.open(server, `attacker-${randomUUID()}`);
      const { stdout } = await user.execute("cat /proc/self/oom_score_adj");
      expect(Number(stdout)).toBeGreaterThan(0);
      const hog = "x = []\nwhile True: x.append(bytearray(50_000_000))\n";
      await user.put("hog.py", hog);
      const end = await user.execute("echo 0 > /proc/self/oom_score_adj; exec python3 hog.py");
      expect(["out-of-memory", "lost", "signaled"]).toContain(end.outcome);
      await user.end();
    },
  },
]);
