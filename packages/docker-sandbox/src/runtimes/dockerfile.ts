import { SANDBOX_UID } from "../hardening/create-body.ts";
import { HOME_DIR } from "../hardening/places.ts";
import { RUNTIME_LABEL } from "./runtime-label.ts";
import type { RuntimeRecipe } from "./runtime-recipe.ts";
import { validateRecipe } from "./validate-recipe.ts";

// Where npm installs globally, in Node's images and in Debian's packages.
const NODE_MODULES = "/usr/local/lib/node_modules";

// Names for the uid of sandboxes that were made before each had one of its own, and for the first user of
// most machines, as whom sandboxes run if the provider is not root; Node's images have one already. A
// uid that is a sandbox's alone has no name in the image: programs find USER and LOGNAME.
const ADD_USERS = [...addUser("agent", SANDBOX_UID), ...addUser("user", 1000)].join("; ");

/**
 * The Dockerfile of a recipe. Commands are written as JSON, which neither Docker nor, but for those
 * that are given to it as one word, a shell takes apart.
 *
 * @throws `invalid-argument` where the recipe has a value that could be taken for more than it is
 */
export function dockerfileOf(recipe: RuntimeRecipe): string {
  validateRecipe(recipe);
  const { baseImage, aptPackages = [], pipPackages = [], npmPackages = [] } = recipe;
  const lines = [
    `FROM ${baseImage}`,
    // First, so that what a failed build leaves has it too.
    `LABEL ${RUNTIME_LABEL}="${recipe.name}"`,
    "USER 0:0",
    ...Object.entries(recipe.env ?? {}).map(([name, value]) => `ENV ${name}="${value}"`),
    runShell(ADD_USERS),
    ...installApt(aptPackages),
    ...installPip(pipPackages),
    ...installNpm(npmPackages),
    ...(recipe.setup ?? []).map(runShell),
  ];
  return `${lines.join("\n")}\n`;
}

function addUser(name: string, uid: number): string[] {
  return [
    `grep -q '^[^:]*:[^:]*:${uid}:' /etc/passwd || echo '${name}:x:${uid}:${uid}:${name}:${HOME_DIR}:/bin/sh' >> /etc/passwd`,
    `grep -q '^[^:]*:[^:]*:${uid}:' /etc/group || echo '${name}:x:${uid}:' >> /etc/group`,
  ];
}

// Without the option apt takes a name that there is not for a regular expression.
function installApt(packages: readonly string[]): string[] {
  if (packages.length === 0) return [];
  const steps = [
    "export DEBIAN_FRONTEND=noninteractive",
    "apt-get update",
    `apt-get install -y --no-install-recommends -o APT::Cmd::Pattern-Only=true ${packages.join(" ")}`,
    "rm -rf /var/lib/apt/lists/*",
  ];
  return [runShell(steps.join(" && "))];
}

// Into the interpreter's own directory, which every user can read and which no home hides. Debian
// guards its interpreter against that, for machines whose tools are written in Python.
function installPip(packages: readonly string[]): string[] {
  if (packages.length === 0) return [];
  const options = ["--no-cache-dir", "--no-input", "--disable-pip-version-check"];
  const pip = ["python3", "-m", "pip", "install", "--root-user-action=ignore", ...options];
  return [run("env", "PIP_BREAK_SYSTEM_PACKAGES=1", ...pip, ...packages)];
}

// `require` finds global packages through NODE_PATH. `import` does not read it, but looks into
// node_modules of every directory above the file, of which / is the last.
function installNpm(packages: readonly string[]): string[] {
  if (packages.length === 0) return [];
  const options = ["--no-audit", "--no-fund", "--no-update-notifier"];
  return [
    run("npm", "install", "--global", ...options, ...packages),
    runShell(`ln -s ${NODE_MODULES} /node_modules && rm -rf /root/.npm`),
    `ENV NODE_PATH="${NODE_MODULES}"`,
  ];
}

function runShell(command: string): string {
  return run("/bin/sh", "-c", command);
}

function run(...words: string[]): string {
  return `RUN ${JSON.stringify(words)}`;
}
