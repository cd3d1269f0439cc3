import { existsSync, readFileSync } from "node:fs";
import { Failure } from "./failure.mjs";
import { step } from "./progress.mjs";
import { runStep } from "./run-process.mjs";

const APT_GET = "/usr/bin/apt-get";
const OS_RELEASE = "/etc/os-release";

/**
 * Whether packages can be installed without asking anybody: as root on Debian. Ubuntu's packages of
 * the same names are others, some only point to a snap.
 *
 * @type {() => boolean}
 */
export function canInstall() {
  return (
    process.getuid?.() === 0 &&
    existsSync(APT_GET) &&
    existsSync(OS_RELEASE) &&
    /^ID=debian$/m.test(readFileSync(OS_RELEASE, "utf8"))
  );
}

/**
 * Install Debian's packages of these names.
 *
 * @type {(label: string, packages: readonly string[]) => Promise<void>}
 */
export async function installPackages(label, packages) {
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  await step(`Installing ${label} with apt-get`, async () => {
    await aptGet(label, [...wait, "update"]);
    await aptGet(label, [...wait, "install", "-y", "--no-install-recommends", ...packages]);
  });
}

/** @type {(label: string, args: readonly string[]) => Promise<void>} */
async function aptGet(label, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { code, output } = await runStep(APT_GET, args, { env, quiet: true });
  if (code === 0) return;
  const last = output.trimEnd().split("\n").slice(-5).join("\n");
  throw new Failure(`apt-get could not install ${label} (exit code ${code}):\n${last}`);
}
