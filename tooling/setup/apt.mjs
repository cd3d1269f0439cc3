import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { step } from "./progress.mjs";
import { CACHE } from "./repository.mjs";
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
export function installPackages(label, packages) {
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  const install = ["install", "-y", "--no-install-recommends", ...packages];
  // For its own locks apt-get waits in part only.
  return withLock(join(CACHE, "apt.lock"), () =>
    step(`Installing ${label} with apt-get`, async () => {
      updated ??= aptGet(label, [...wait, "update"]);
      await updated;
      await aptGet(label, [...wait, ...install]);
    }),
  );
}

/**
 * Done once, and not again before each package.
 *
 * @type {Promise<void> | undefined}
 */
let updated;

/** @type {(label: string, args: readonly string[]) => Promise<void>} */
async function aptGet(label, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { code, output } = await runStep(APT_GET, args, { env, quiet: true });
  if (code === 0) return;
  const last = output.trimEnd().split("\n").slice(-5).join("\n");
  throw new Failure(`apt-get could not install ${label} (exit code ${code}):\n${last}`);
}
