import { SandboxError, requireWholeNumber } from "@carrel/backend-protocol";
import { requireInstallationId } from "./container/installation.ts";
import type { EngineOptions } from "./engine/engine.ts";
import { checkEngineOptions } from "./engine/check-engine-options.ts";
import { INIT_UID } from "./hardening/create-body.ts";
import type { OnProgress } from "./images/sandbox-progress.ts";
import { checkLimits } from "./limits.ts";
import type { SandboxLimits } from "./limits.ts";
import type { UidChoice } from "./workspace/host-directories.ts";
import { requireRange } from "./workspace/uid-range.ts";
import type { UidRange } from "./workspace/uid-range.ts";
import { resolveRuntime } from "./runtimes/resolve-runtime.ts";
import type { RuntimeRecipe } from "./runtimes/runtime-recipe.ts";

const DEFAULT_IMAGE = "python:3.12-slim";
const MAX_WARM = 1000;
const MAX_REFILL_CONCURRENCY = 16;

export interface DockerProviderOptions {
  /**
   * Absolute path of the directory for all users' files, made with mode 0700 where it is missing. It
   * must be on the engine's machine. Leave it out for an engine on another machine, or one that maps
   * uids (rootless, userns-remap): files then lie in volumes of the engine.
   */
  workspaceRoot?: string;
  /**
   * 16 to 128 letters, digits, dots, dashes, underscores, drawn at random: names what is this
   * installation's on the engine. Whoever knows it can read from there whose sandboxes these are.
   * @default one that is kept in `workspaceRoot`; without that it must be given
   */
  installationId?: string;
  engine?: EngineOptions;
  /** What sandboxes run; pulled where the engine does not have it. @default "python:3.12-slim" */
  image?: string;
  /** Name of a built-in runtime, or a recipe; built where the engine does not have it. Instead of `image`. */
  runtime?: string | RuntimeRecipe;
  limits?: SandboxLimits;
  /**
   * `bridge` opens every address that the engine's machine reaches, other sandboxes and the machine
   * itself included. @default "none"
   */
  network?: "none" | "bridge";
  /**
   * Keep what is written outside of the workspace and the home, where modes allow that (`/tmp`,
   * `/var/tmp`), until the sandbox is destroyed. Such a sandbox keeps its container, and so the image
   * and the options that it was made with. @default false: the root can only be read
   */
  persistRoot?: boolean;
  /** `runsc`, `kata`, …: must be registered with the engine. @default the engine's default */
  ociRuntime?: string;
  /** Variables of every sandbox. Never put secrets here: the user's programs read them. */
  env?: Readonly<Record<string, string>>;
  /**
   * Uids of the engine's machine that belong to this installation: each sandbox gets one of its own,
   * because the kernel bounds some things by uid (watches of files, queued signals, keys). Nobody else
   * may have them. A process that is not root can give files in `workspaceRoot` to nobody but itself:
   * all its sandboxes share its own uid, and the option is refused.
   * @default 1,048,576 of them between 1,879,048,192 and 2,147,483,647, which systemd and Debian give
   *   to nobody, chosen once
   */
  uids?: UidRange;
  /**
   * Keep sandboxes started that are nobody's yet, for `create` to take one in a few milliseconds. Each
   * takes the memory of an idle sandbox, some 10 MB. Needs `workspaceRoot`, and no `persistRoot`.
   * @default none
   */
  warm?: WarmOptions;
  /** Told of each change while an image is pulled or built. */
  onProgress?: OnProgress;
}

export interface WarmOptions {
  /** How many, 0 to 1,000. */
  size: number;
  /** How many are made at a time in place of those that were taken. @default 1 */
  refillConcurrency?: number;
}

export type CheckedOptions = Omit<DockerProviderOptions, "image" | "runtime" | "warm" | "uids"> & {
  /** `null` for none. */
  warm: Required<WarmOptions> | null;
  image: string | RuntimeRecipe;
  limits: Required<SandboxLimits>;
  network: "none" | "bridge";
  persistRoot: boolean;
  env: Readonly<Record<string, string>>;
  uids: UidChoice;
};

const KNOWN: Readonly<Record<keyof DockerProviderOptions, true>> = {
  workspaceRoot: true,
  installationId: true,
  engine: true,
  image: true,
  runtime: true,
  limits: true,
  network: true,
  persistRoot: true,
  ociRuntime: true,
  env: true,
  uids: true,
  warm: true,
  onProgress: true,
};

/** All that can be told without the engine. @throws `invalid-argument` */
export function checkOptions(options: DockerProviderOptions): CheckedOptions {
  requireObject("The options of createDockerProvider", options);
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, name)) throw invalid(`There is no option ${JSON.stringify(name)}.`);
  }
  const { image, runtime, ...rest } = options;
  const { network = "none", persistRoot = false, env = {}, installationId } = rest;
  if (image !== undefined && runtime !== undefined) {
    throw invalid("Give either an image or a runtime, not both.");
  }
  if (network !== "none" && network !== "bridge") {
    throw invalid(`network must be none or bridge, not ${JSON.stringify(network)}.`);
  }
  checkKinds(options);
  checkEngineOptions(rest.engine);
  if (installationId !== undefined) requireInstallationId(installationId);
  else if (rest.workspaceRoot === undefined) {
    throw invalid("Without workspaceRoot, installationId must say whose the sandboxes are.");
  }
  checkEnv(env);
  return {
    ...rest,
    image: runtime === undefined ? (image ?? DEFAULT_IMAGE) : resolveRuntime(runtime),
    limits: checkLimits(rest.limits),
    network,
    persistRoot,
    env,
    uids: checkUids(options),
    warm: checkWarm(options),
  };
}

// Options also come from configuration files, where types hold nothing.
function checkKinds(options: DockerProviderOptions): void {
  const kinds = {
    workspaceRoot: "string",
    installationId: "string",
    image: "string",
    ociRuntime: "string",
    persistRoot: "boolean",
    onProgress: "function",
  } as const;
  for (const [name, kind] of Object.entries(kinds)) {
    const value: unknown = Reflect.get(options, name);
    if (value === undefined || typeof value === kind) continue;
    throw invalid(`${name} must be a ${kind}, not ${JSON.stringify(value)?.slice(0, 200)}.`);
  }
  const { ociRuntime } = options;
  if (ociRuntime !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/.test(ociRuntime)) {
    throw invalid(`${JSON.stringify(ociRuntime)} cannot be the name of an OCI runtime.`);
  }
}

function requireObject(what: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  throw invalid(`${what} must be an object, not ${JSON.stringify(value) ?? "undefined"}.`);
}

function checkWarm({
  warm,
  workspaceRoot,
  persistRoot,
}: DockerProviderOptions): CheckedOptions["warm"] {
  if (warm === undefined) return null;
  requireObject("warm", warm);
  const { size, refillConcurrency = 1, ...others } = warm;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`There is no option warm.${unknown.slice(0, 200)}.`);
  requireWholeNumber("warm.size", size, { minimum: 0, maximum: MAX_WARM });
  requireWholeNumber("warm.refillConcurrency", refillConcurrency, {
    minimum: 1,
    maximum: MAX_REFILL_CONCURRENCY,
  });
  if (size === 0) return null;
  if (workspaceRoot === undefined) {
    throw invalid(
      "warm needs workspaceRoot: files in volumes of the engine cannot become those of a container that runs.",
    );
  }
  if (persistRoot) {
    throw invalid(
      "warm and persistRoot exclude each other: a claimed sandbox gets another container when it was stopped, and so another root.",
    );
  }
  return { size, refillConcurrency };
}

function checkEnv(env: Readonly<Record<string, string>>): void {
  requireObject("env", env);
  for (const [name, value] of Object.entries(env)) {
    const isName = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !name.startsWith("CARREL_");
    if (isName && typeof value === "string" && !value.includes("\0")) continue;
    throw invalid(
      `${JSON.stringify(name)} cannot be a variable of sandboxes: names are letters, digits and underscores and do not begin with CARREL_, values have no NUL.`,
    );
  }
}

/** Files belong to whom the sandbox runs as; one who is not root can only give them to himself. */
function checkUids({ uids, workspaceRoot }: DockerProviderOptions): UidChoice {
  if (uids !== undefined) {
    requireObject("uids", uids);
    const [unknown] = Object.keys(uids).filter((name) => name !== "first" && name !== "count");
    if (unknown !== undefined) throw invalid(`There is no option uids.${unknown.slice(0, 200)}.`);
    requireRange(uids);
  }
  const own = process.getuid?.() ?? 0;
  if (own === 0 || workspaceRoot === undefined) return { range: uids };
  if (uids !== undefined) {
    throw invalid(
      "uids cannot own files in workspaceRoot, because this process is not root: run it as root, or leave out uids or workspaceRoot.",
    );
  }
  if (own < INIT_UID) return { shared: own };
  throw new SandboxError({
    code: "unsupported",
    message: `This process runs as uid ${own}, and its sandboxes would have to run as the same one; but the first process of a sandbox has the uid ${INIT_UID}. Run this process as root or as another user.`,
  });
}

function invalid(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}
