import { performance } from "node:perf_hooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ManagedSandbox } from "@carrel/backend-protocol";
import { createTestProvider } from "../testing/test-provider.ts";
import type { TestProvider } from "../testing/test-provider.ts";

let subject: TestProvider;
let sandbox: ManagedSandbox;

beforeAll(async () => {
  subject = await createTestProvider({ maxProcesses: 4 });
  sandbox = await subject.provider.create("alice");
});
afterAll(() => subject[Symbol.asyncDispose]());

test("bash, Python and JavaScript share the files of the sandbox", async () => {
  const { output, exitCode } = await sandbox.execute(
    [
      "echo one > words",
      `python3 -c 'open("words", "a").write("two\\n")'`,
      `node -e 'const fs = require("fs"); fs.appendFileSync("words", "three\\n")'`,
      "cat words",
    ].join(" && "),
  );
  expect({ output, exitCode }).toEqual({ output: "one\ntwo\nthree\n", exitCode: 0 });
});

test("Python finds modules beside the script, and its errors name the script's own lines", async () => {
  await sandbox.write("app/helper.py", "def half(x):\n    return 1 / x\n");
  await sandbox.write("app/main.py", "import helper, sys\nprint(sys.argv)\nhelper.half(0)\n");
  const failed = await sandbox.execute("python3 -u app/main.py one");
  expect(failed.stdout).toBe("['app/main.py', 'one']\n");
  expect(failed.exitCode).toBe(1);
  expect(failed.stderr).toMatch(/^Traceback[^]*"app\/main\.py", line 3[^]*helper\.py", line 2/);
  expect(failed.stderr).not.toContain("_jb_script");
  const others = [
    "cd app && python3 -c 'import helper; print(helper.half(2))'",
    "cd app && echo 'import helper; print(helper.half(2))' | python3 -",
    "cd app && echo 'print(0.5)' > tool.py && python -m tool",
  ];
  for (const command of others) expect((await sandbox.execute(command)).stdout).toBe("0.5\n");
  expect((await sandbox.execute("python3 absent.py")).exitCode).toBe(2);
});

test("output arrives statement by statement, also from inside a loop", async () => {
  const process = await sandbox.spawn("for i in 1 2; do echo $i; sleep 30; done");
  const first = await process.output[Symbol.asyncIterator]().next();
  expect(Buffer.from(first.value.data).toString()).toBe("1\n");
  await process.kill();
  expect((await process.result).outcome).toBe("cancelled");
});

test("a file that cannot be written is an error of the command, and the script goes on", async () => {
  const { stdout, stderr, exitCode } = await sandbox.execute("echo x > /etc/motd; echo next");
  expect(stderr).toContain("read-only");
  expect({ stdout, exitCode }).toEqual({ stdout: "next\n", exitCode: 0 });
});

test("an endless loop of Python leaves the processor when it is stopped", async () => {
  const stopped = await sandbox.execute("python3 -c 'while True: pass'", { timeoutMs: 3000 });
  expect(stopped.outcome).toBe("timed-out");
  const before = process.cpuUsage();
  const startMs = performance.now();
  await sandbox.execute("sleep 1");
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - startMs);
  expect(share).toBeLessThan(0.7);
});

test("a command that needs more memory than it may have ends alone", async () => {
  await using small = await createTestProvider({ commandMemoryBytes: 64 * 1024 * 1024 });
  const tight = await small.provider.create("alice");
  const greedy = 'for i in 1 2 3 4 5 6 7 8; do eval "v$i=\\$(printf %030000000d $i)"; done';
  const [ended, neighbour] = await Promise.all([
    tight.execute(greedy),
    tight.execute("echo alive; sleep 2; echo still"),
  ]);
  expect(ended.outcome).toBe("out-of-memory");
  expect(neighbour.stdout).toBe("alive\nstill\n");
});

test("one more command than may run is refused, and its place is free again later", async () => {
  const running = await Promise.all([1, 2, 3, 4].map(() => sandbox.spawn("sleep 60")));
  await expect(sandbox.spawn("true")).rejects.toMatchObject({ code: "process-limit" });
  await Promise.all(running.map((process) => process.kill()));
  expect((await sandbox.execute("echo free")).stdout).toBe("free\n");
});

test("nothing of the host's environment or paths is seen by commands", async () => {
  process.env["CARREL_TEST_SECRET"] = "canary";
  const { output } = await sandbox.execute(
    `env; python3 -c 'import os; print(dict(os.environ))'; node -e 'console.log(process.env)'`,
  );
  expect(output).toContain("HOME=/home/agent");
  expect(output).not.toContain("canary");
  expect(output).not.toContain(subject.root);
  expect(output).not.toContain(process.cwd());
});

test("the state of a shell ends with its command", async () => {
  await sandbox.execute("secret=1; export LEAK=1; cd /tmp; greet() { echo hi; }; set -e");
  const { stdout } = await sandbox.execute(
    `echo "$secret$LEAK$PWD"; false; greet 2>/dev/null || echo none`,
  );
  expect(stdout).toBe("/workspace\nnone\n");
});

test("a busy command of one sandbox does not hold up another", async () => {
  const other = await subject.provider.create("bob");
  const busy = await sandbox.spawn("while true; do :; done");
  expect((await other.execute("echo quick", { timeoutMs: 10_000 })).stdout).toBe("quick\n");
  await busy.kill();
});
