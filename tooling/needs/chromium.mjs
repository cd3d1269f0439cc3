import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Failure } from "../setup/failure.mjs";
import { step } from "../setup/progress.mjs";
import { runStep } from "../setup/run-process.mjs";

const APT_GET = "/usr/bin/apt-get";
const PACKAGES = ["chromium", "fonts-liberation"];
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/**
 * The browser that the server's end-to-end tests drive, named to them by `CARREL_CHROMIUM`.
 *
 * @type {import("./meet-needs.mjs").Need}
 */
export const chromium = {
  packages: ["@carrel/server"],
  purpose: "the tests in a browser",
  async meet() {
    const found = process.env.CARREL_CHROMIUM || findBrowser();
    if (found) return { CARREL_CHROMIUM: found };
    if (!canInstall()) {
      throw new Failure("no Chromium or Chrome was found; install one, or set CARREL_CHROMIUM.");
    }
    await step("Installing Chromium with apt-get", install);
    const installed = findBrowser();
    if (!installed) throw new Failure("apt-get installed Chromium, but it is not on the PATH.");
    return { CARREL_CHROMIUM: installed };
  },
};

/** @type {() => string | undefined} */
function findBrowser() {
  const directories = (process.env.PATH ?? "").split(delimiter);
  const onPath = NAMES.flatMap((name) => directories.map((directory) => join(directory, name)));
  return [...onPath, ...PLACES].find((file) => existsSync(file));
}

// On Ubuntu the package of this name only points to a snap, which containers cannot run.
function canInstall() {
  const release = "/etc/os-release";
  return (
    process.getuid?.() === 0 &&
    existsSync(APT_GET) &&
    existsSync(release) &&
    /^ID=debian$/m.test(readFileSync(release, "utf8"))
  );
}

async function install() {
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  await aptGet([...wait, "update"]);
  await aptGet([...wait, "install", "-y", "--no-install-recommends", ...PACKAGES]);
}

/** @type {(args: readonly string[]) => Promise<void>} */
async function aptGet(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { code, output } = await runStep(APT_GET, args, { env, quiet: true });
  if (code === 0) return;
  const last = output.trimEnd().split("\n").slice(-5).join("\n");
  throw new Failure(`apt-get could not install Chromium (exit code ${code}):\n${last}`);
}
