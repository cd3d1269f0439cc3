import { SandboxError } from "@carrel/backend-protocol";
import { connectEngine } from "../engine/engine.ts";

/** Debian with python3, bash, procps and git, made on the engine by the project's set-up. */
export const TEST_IMAGE: string = process.env.CARREL_TEST_IMAGE ?? "carrel-test:base";

/** Marks what tests make on the engine, so that it can be found and removed. */
export const TEST_LABEL = "carrel.test";

const reason = await whyNoEngine();

/**
 * Whether tests on the real engine can run. Without one they fail in CI, and are skipped elsewhere
 * with the reason on the terminal.
 */
export function engineOrSkip(): boolean {
  if (reason === null) return true;
  if (process.env.CI) throw new Error(`Tests need Docker. ${reason}`);
  console.warn(`Skipped, because it needs Docker. ${reason}`);
  return false;
}

async function whyNoEngine(): Promise<string | null> {
  try {
    await using engine = await connectEngine(testEngineOptions());
    await engine.call(`find ${TEST_IMAGE}`, () => engine.docker.getImage(TEST_IMAGE).inspect());
    return null;
  } catch (error) {
    return SandboxError.isInstance(error) ? error.message : String(error);
  }
}

/** The engine that tests use: that of `DOCKER_HOST` where it is set. */
export function testEngineOptions(): { host?: string } {
  const host = process.env.DOCKER_HOST;
  return host === undefined ? {} : { host };
}
