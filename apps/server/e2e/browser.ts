import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

const KNOWN_PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where Chromium is on this machine: what the set-up of the tests found, or a usual place. */
export const chromiumPath: string | undefined =
  process.env["CARREL_CHROMIUM"] ?? KNOWN_PATHS.find((path) => existsSync(path));

export async function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) {
    throw new Error("No Chromium was found: install it, or set CARREL_CHROMIUM to its path.");
  }
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}
