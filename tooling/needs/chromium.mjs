import { existsSync } from "node:fs";
import { canInstall, installPackages } from "../setup/apt.mjs";
import { Failure } from "../setup/failure.mjs";
import { findProgram } from "../setup/find-program.mjs";

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
    if (found) return { env: { CARREL_CHROMIUM: found } };
    if (!canInstall()) {
      throw new Failure("no Chromium or Chrome was found; install one, or set CARREL_CHROMIUM.");
    }
    await installPackages("Chromium", PACKAGES);
    const installed = findBrowser();
    if (!installed) throw new Failure("apt-get installed Chromium, but it is not on the PATH.");
    return { env: { CARREL_CHROMIUM: installed } };
  },
};

/** @type {() => string | undefined} */
function findBrowser() {
  return findProgram(NAMES) ?? PLACES.find((file) => existsSync(file));
}
