import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { exposedText } from "./exposure.ts";
import { createHostSecret } from "./host-secret.ts";
import { settledCodes } from "./races.ts";

const CANARY = "CARREL_CONFORMANCE_CANARY";

async function withCanary(check: (value: string) => Promise<void>): Promise<void> {
  const value = `canary-${Math.random()}`;
  process.env[CANARY] = value;
  try {
    await check(value);
  } finally {
    delete process.env[CANARY];
  }
}

export const isolationBehaviours: BehaviourGroup = {
  name: "isolation",
  behaviours: {
    "shows no file of the host by its path": async ({ sandbox }) => {
      await using secret = await createHostSecret();
      const climbing = `${"../".repeat(40)}${secret.file.slice(1)}`;
      for (const path of [secret.file, climbing, `/proc/self/root${secret.file}`]) {
        expect(await exposedText(sandbox, path)).not.toContain(secret.content);
      }
    },

    "changes no file of the host by its path": async ({ sandbox }) => {
      await using secret = await createHostSecret();
      await settledCodes([
        sandbox.write(secret.file, "overwritten"),
        sandbox.write(`${"../".repeat(40)}${secret.directory.slice(1)}/planted`, "x"),
        sandbox.mkdir(`${secret.directory}/made`),
        sandbox.execute(`echo x > ${secret.directory}/by-command`),
        sandbox.remove(secret.directory, { recursive: true }),
      ]);
      expect(await secret.isUntouched()).toBe(true);
    },

    "gives commands no environment of the host": async ({ sandbox, run }) => {
      await withCanary(async (value) => {
        const printed = await run(`env; echo "[$${CANARY}]"`);
        expect(printed.output).not.toContain(value);
        const fresh = await sandbox.spawn(`echo "[$${CANARY}]"`);
        for await (const { data } of fresh.output) {
          expect(Buffer.from(data).toString()).toBe("[]\n");
        }
      });
    },

    "gives a sandbox no environment of the host": async ({ createSandbox }) => {
      await withCanary(async (value) => {
        const sandbox = await createSandbox();
        const { output } = await sandbox.execute("env; cat /proc/*/environ; true");
        expect(output).not.toContain(value);
        for (const path of ["/proc/self/environ", "/proc/1/environ"]) {
          expect(await exposedText(sandbox, path)).not.toContain(value);
        }
      });
    },

    "names no path of the host in the output of commands": async ({ subject, sandbox, path }) => {
      await sandbox.write(path("file"), "x");
      const { output } = await sandbox.execute(
        "pwd; cat absent; cd absent; ls absent; . ./absent; cat file/child; mkdir file; ls -la; env",
        { cwd: path("") },
      );
      for (const hostPath of subject.hostPaths ?? []) expect(output).not.toContain(hostPath);
    },

    "keeps the files of sandboxes apart": async ({ sandbox, path, createSandbox }) => {
      await sandbox.write(path("file"), "mine");
      const other = await createSandbox();
      expect(await other.stat(path("file"))).toBeNull();
      expect((await other.glob("**/*")).files).toEqual([]);
      const listed = await other.execute(`cat '${path("file")}'`);
      expect(listed.output).not.toContain("mine");
    },

    "keeps the processes of sandboxes apart": async ({ sandbox, createSandbox, rejects }) => {
      const other = await createSandbox();
      const process = await sandbox.spawn("sleep 60");
      try {
        await rejects(other.attach(process.id), "not-found");
        expect((await other.processes()).map(({ id }) => id)).not.toContain(process.id);
      } finally {
        await process.kill();
      }
    },

    "lets files do what commands may do": async ({ sandbox, path, rejects, run }) => {
      await sandbox.write(path("locked/file"), "secret", { mode: 0o000 });
      await run("chmod 555 locked");
      const readable = await sandbox.execute("cat file", { cwd: path("locked") });
      if (readable.exitCode === 0) expect(await sandbox.read(path("locked/file"))).not.toBeNull();
      else await rejects(sandbox.read(path("locked/file")), "permission-denied");
      const writable = await sandbox.execute(": > made", { cwd: path("locked") });
      if (writable.exitCode === 0) await sandbox.write(path("locked/other"), "x");
      else await rejects(sandbox.write(path("locked/other"), "x"), "permission-denied");
      await run("chmod 755 locked");
    },
  },
};
