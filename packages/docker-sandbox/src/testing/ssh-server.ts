import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access, chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const SSHD = "/usr/sbin/sshd";

/** A real sshd on loopback with keys of its own. */
export interface SshServer extends AsyncDisposable {
  /** For `connectEngine`: this machine's engine, by way of ssh. */
  host: string;
  /** Makes the ssh program of this process know these host keys, or others. */
  trust(known: "this-server" | "nobody" | "another-server"): Promise<void>;
}

export async function whyNoSshServer(): Promise<string | null> {
  try {
    await access(SSHD);
    await run("docker", ["version"]);
    return null;
  } catch {
    return "it needs sshd and the docker command.";
  }
}

/**
 * The ssh program reads the home directory of the passwd file, whatever the environment says. So a
 * program of the same name stands first on the PATH of this process, which names a configuration.
 */
export async function startSshServer(): Promise<SshServer> {
  const root = await mkdtemp(join(tmpdir(), "carrel-ssh-"));
  await makeKeys(root);
  await writeFile(join(root, "ssh_config"), clientConfiguration(root));
  await mkdir(join(root, "bin"));
  await writeFile(
    join(root, "bin/ssh"),
    `#!/bin/sh\nexec /usr/bin/ssh -F ${root}/ssh_config "$@"\n`,
  );
  await chmod(join(root, "bin/ssh"), 0o755);
  await mkdir("/run/sshd", { recursive: true });
  const { server, port } = await listen(root);
  const path = process.env["PATH"] ?? "";
  process.env["PATH"] = join(root, "bin") + delimiter + path;
  return {
    host: `ssh://${userInfo().username}@127.0.0.1:${port}`,
    trust: (known) => writeKnownHosts(root, port, known),
    async [Symbol.asyncDispose]() {
      process.env["PATH"] = path;
      const exited = server.exitCode === null && once(server, "exit");
      server.kill();
      await exited;
      await rm(root, { recursive: true });
    },
  };
}

// sshd cannot choose a free port by itself, and one that is free now may be taken a moment later.
async function listen(root: string): Promise<{ server: ChildProcess; port: number }> {
  const complaints: string[] = [];
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const port = await freePort();
    await writeFile(join(root, "sshd_config"), serverConfiguration(root, port));
    const server = spawn(SSHD, ["-D", "-e", "-f", join(root, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    for await (const line of createInterface({ input: server.stderr })) {
      if (!line.includes("listening on")) {
        complaints.push(line);
        continue;
      }
      server.stderr.resume();
      return { server, port };
    }
  }
  throw new Error(`sshd does not start: ${complaints.join(" ")}`);
}

async function makeKeys(root: string): Promise<void> {
  for (const name of ["host", "other", "user"]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(root, name)]);
  }
  await copyFile(join(root, "user.pub"), join(root, "authorized_keys"));
}

async function writeKnownHosts(
  root: string,
  port: number,
  known: "this-server" | "nobody" | "another-server",
): Promise<void> {
  const name = known === "another-server" ? "other.pub" : "host.pub";
  const key = await readFile(join(root, name), "utf8");
  const line = known === "nobody" ? "" : `[127.0.0.1]:${port} ${key}`;
  await writeFile(join(root, "known_hosts"), line);
}

function serverConfiguration(root: string, port: number): string {
  return [
    "ListenAddress 127.0.0.1",
    `Port ${port}`,
    `HostKey ${root}/host`,
    `AuthorizedKeysFile ${root}/authorized_keys`,
    `PidFile ${root}/sshd.pid`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "",
  ].join("\n");
}

// What a careless configuration would allow must not happen.
function clientConfiguration(root: string): string {
  return [
    "Host *",
    `  IdentityFile ${root}/user`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${root}/known_hosts`,
    "  GlobalKnownHostsFile /dev/null",
    "  StrictHostKeyChecking no",
    "  ForwardAgent yes",
    "",
  ].join("\n");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
