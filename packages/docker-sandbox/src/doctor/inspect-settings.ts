import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import { parseImageReference } from "../images/image-reference.ts";
import { inspectImage } from "../images/inspect-image.ts";
import { checkEngine } from "../provider-needs.ts";
import { checkOptions } from "../provider-options.ts";
import type { CheckedOptions, DockerProviderOptions } from "../provider-options.ts";
import type { RuntimeRecipe } from "../runtimes/runtime-recipe.ts";
import type { HostCheck } from "./host-report.ts";
import { missing, ok, warning } from "./host-report.ts";

/** A registry that does not answer is given up by the engine itself after minutes only. */
const REGISTRY_TIMEOUT_MS = 20_000;

const VARIABLES = "CARREL_IMAGE, CARREL_RUNTIME and CARREL_NETWORK as they are";

export type InspectedSettings = Pick<
  DockerProviderOptions,
  "workspaceRoot" | "image" | "runtime" | "network"
>;

/** Whether sandboxes can be made with these settings. Nothing is pulled or built. */
export async function inspectSettings(
  engine: Engine,
  settings: InspectedSettings,
): Promise<HostCheck[]> {
  try {
    const options = checkOptions(settings);
    checkEngine(engine, options);
    return [
      await checkImage(engine, options.image),
      await checkNetwork(engine, options.network),
      checkUids(options),
    ];
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    return [missing("settings", `sandboxes cannot be made with ${VARIABLES}`, error.message)];
  }
}

async function checkImage(engine: Engine, image: string | RuntimeRecipe): Promise<HostCheck> {
  const name = "image";
  const reference = typeof image === "string" ? image : image.baseImage;
  const { kind } = parseImageReference(reference);
  const { architecture } = engine.info;
  const local = await inspectImage(engine, reference);
  if (local !== null && local.architecture !== architecture) {
    const found = `${reference} is for ${local.architecture}, and the engine's machine is ${architecture}`;
    return missing(name, found, "Name an image for it with CARREL_IMAGE.");
  }
  const problem =
    local === null && kind === "name" ? await registryProblem(engine, reference) : null;
  if (problem !== null || (local === null && kind === "id")) {
    const found = `${reference} is not on the engine, which cannot pull it${problem === null ? "" : `: ${problem}`}`;
    const advice =
      "Bring it there with `docker load`, or name one that is there with CARREL_IMAGE.";
    return missing(name, found, advice);
  }
  const where = local === null ? "can be pulled" : "is on the engine";
  if (typeof image === "string") return ok(name, `${reference} ${where}`);
  return ok(
    name,
    `${image.name} is built on ${reference}, which ${where}; building needs the engine's network once`,
  );
}

/** Why the engine cannot pull an image, or `null` where it can. */
async function registryProblem(engine: Engine, reference: string): Promise<string | null> {
  const image = engine.docker.getImage(reference);
  try {
    await engine.call(
      `ask a registry for the image ${reference}`,
      (abortSignal) => image.distribution({ abortSignal }),
      { timeoutMs: REGISTRY_TIMEOUT_MS },
    );
    return null;
  } catch (error) {
    if (!SandboxError.isInstance(error)) throw error;
    // The engine's own words: they say whether it is the name, a login or the network.
    return error.cause instanceof Error ? error.cause.message : error.message;
  }
}

function checkUids({ uids }: CheckedOptions): HostCheck {
  const name = "uids";
  if (!("shared" in uids)) return ok(name, "each sandbox runs as a uid of its own");
  return warning(
    name,
    `all sandboxes run as this user (uid ${uids.shared}), and share what the kernel counts by uid: one can use up what others need to watch files or to signal`,
    "Run the server as root, so that it can give each sandbox its files.",
  );
}

async function checkNetwork(engine: Engine, network: "none" | "bridge"): Promise<HostCheck> {
  const name = "network";
  if (network === "none") return ok(name, "sandboxes have none");
  const bridge = engine.docker.getNetwork(network);
  try {
    await engine.call("look for its network", () => bridge.inspect());
    return ok(name, "sandboxes reach whatever the engine's machine reaches");
  } catch (error) {
    if (!SandboxError.isInstance(error) || error.code !== "not-found") throw error;
    const advice = "Set CARREL_NETWORK=none, or start the engine without --bridge=none.";
    return missing(name, `the engine has no network ${network}`, advice);
  }
}
