import Docker from "dockerode";

/** Debian with python3, made on the engine by the project's set-up. */
export const TEST_IMAGE: string = process.env.CARREL_TEST_IMAGE ?? "carrel-test:base";

/** The harness stands on a socket of this machine, so that other forms of `DOCKER_HOST` are passed over. */
export const ENGINE_PATH: string = socketOf(process.env.DOCKER_HOST) ?? "/var/run/docker.sock";

const reason = await whyNoEngine();

/** Whether tests on the real engine can run: without one they fail in CI, and are skipped elsewhere. */
export function engineOrSkip(): boolean {
  if (reason === null) return true;
  if (process.env.CI) throw new Error(`The fault harness needs Docker. ${reason}`);
  console.warn(`Skipped, because it needs Docker. ${reason}`);
  return false;
}

function socketOf(host: string | undefined): string | null {
  return host?.startsWith("unix://") ? host.slice("unix://".length) : null;
}

async function whyNoEngine(): Promise<string | null> {
  try {
    await new Docker({ socketPath: ENGINE_PATH }).getImage(TEST_IMAGE).inspect();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
