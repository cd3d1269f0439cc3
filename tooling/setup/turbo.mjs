import { createRequire } from "node:module";
import { join } from "node:path";
import { ROOT } from "./repository.mjs";

/**
 * Turbo's own program, and not the script in front of it: that one does not pass signals on.
 *
 * @type {() => string}
 */
export function turboProgram() {
  const fromRoot = createRequire(join(ROOT, "package.json"));
  const fromTurbo = createRequire(fromRoot.resolve("turbo/package.json"));
  const system = process.platform === "win32" ? "windows" : process.platform;
  const processor = process.arch === "x64" ? "64" : process.arch;
  const program = process.platform === "win32" ? "turbo.exe" : "turbo";
  return fromTurbo.resolve(`@turbo/${system}-${processor}/bin/${program}`);
}
