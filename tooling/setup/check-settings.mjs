// oxlint-disable-next-line no-restricted-imports -- run by its path, as the server itself is
import { ConfigError, readConfig } from "../../apps/server/src/config.ts";

// A program of its own, because the Node that runs the set-up may not run the server's sources.
try {
  readConfig(process.env, process.cwd());
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`Carrel does not start:\n${error.message}\n`);
  process.exitCode = 1;
}
