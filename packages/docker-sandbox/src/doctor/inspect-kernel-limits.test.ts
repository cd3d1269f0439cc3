import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectKernelLimits } from "./inspect-kernel-limits.ts";

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "carrel-kernel-limits-"));
});

afterAll(() => rm(root, { recursive: true }));

async function settings(name: string, values: Record<string, string>): Promise<string> {
  const directory = join(root, name);
  for (const [setting, value] of Object.entries(values)) {
    const file = join(directory, setting);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${value}\n`);
  }
  return directory;
}

test("inspectKernelLimits: a machine with enough of all is fine", async () => {
  const enough = await settings("enough", {
    "fs/file-max": "9223372036854775807",
    "kernel/pid_max": "4194304",
    "kernel/pty/max": "16384",
  });
  expect(await inspectKernelLimits(enough)).toMatchObject({ status: "ok", advice: null });
});

test("inspectKernelLimits: says what is scarce, for how many sandboxes it is enough, and what to do", async () => {
  const scarce = await settings("scarce", {
    "fs/file-max": "2466170",
    "kernel/pid_max": "4194304",
    "kernel/pty/max": "4096",
  });
  expect(await inspectKernelLimits(scarce)).toMatchObject({
    status: "warning",
    found: expect.stringMatching(
      /fs\.file-max is 2466170, which is enough for 2 sandboxes .*kernel\.pty\.max is 4096, .* 128 sandboxes/,
    ),
    advice: "Raise them: sysctl -w fs.file-max=314572800 kernel.pty.max=9600",
  });
});

test("inspectKernelLimits: a machine without these settings has nothing to compare", async () => {
  expect(await inspectKernelLimits(join(root, "none"))).toMatchObject({ status: "ok" });
});
