import { SandboxError } from "@carrel/backend-protocol";
import { parseImageReference } from "../images/image-reference.ts";
import type { RuntimeRecipe } from "./runtime-recipe.ts";

// What comes into a Dockerfile is of these forms only: no white space, quotes, $, \, #, <, line
// ends or leading dashes where a shell, an option parser or Docker could take them for something.
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;
const APT_PACKAGE = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+](?:=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$/;
const PIP_BOUND = String.raw`(?:===|[=!<>~]=|[<>])[A-Za-z0-9][A-Za-z0-9.*+!_-]*`;
const PIP_PACKAGE = new RegExp(
  String.raw`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9][A-Za-z0-9._,-]*\])?(?:${PIP_BOUND}(?:,${PIP_BOUND})*)?$`,
);
const NPM_PACKAGE =
  /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*(?:@[\^~]?[A-Za-z0-9][A-Za-z0-9.+-]*)?$/;
// What pip and npm take for a file beside them, whatever stands there. No package is called that.
const ARCHIVE = /\.(?:whl|zip|gz|bz2|xz|lz|lzma|tar|tgz|tbz|txz|tlz)(?:\[|$)/i;
// In the words of regular expressions, which apt tries where it knows no package of the name.
const REPETITION = /\.[.+]|\+\+\+/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const ENV_VALUE = /^[A-Za-z0-9 _./:;,@%+=~*-]*$/;
// JSON carries it into the Dockerfile, so that only what would end its line is kept out.
// oxlint-disable-next-line no-control-regex -- they are what is refused
const SETUP_COMMAND = /^[^\u0000-\u0008\u000A-\u001F\u007F\u0085\u2028\u2029]+$/;

const MAX_NAME_CHARS = 48;
const MAX_WORD_CHARS = 128;
const MAX_COMMAND_CHARS = 8192;
// Far beyond what an image needs. With it a line stays below the 64 KiB that Docker takes.
const MAX_ENTRIES = 256;

/** @throws `invalid-argument` that names the value which has not the form it needs */
export function validateRecipe(recipe: RuntimeRecipe): void {
  checkFields(recipe);
  checkEach("name", [recipe.name], { form: NAME, maxChars: MAX_NAME_CHARS });
  parseImageReference(recipe.baseImage);
  const word = { maxChars: MAX_WORD_CHARS };
  checkEach("Debian package", recipe.aptPackages, {
    form: APT_PACKAGE,
    never: REPETITION,
    ...word,
  });
  checkEach("Python package", recipe.pipPackages, { form: PIP_PACKAGE, never: ARCHIVE, ...word });
  checkEach("npm package", recipe.npmPackages, { form: NPM_PACKAGE, never: ARCHIVE, ...word });
  checkEach("command", recipe.setup, { form: SETUP_COMMAND, maxChars: MAX_COMMAND_CHARS });
  const env = recipe.env ?? {};
  if (typeof env !== "object") throw invalid("The recipe's env must be an object.");
  checkEach("variable", Object.keys(env), { form: ENV_NAME, ...word });
  checkEach("variable's value", Object.values(env), {
    form: ENV_VALUE,
    maxChars: MAX_COMMAND_CHARS,
  });
}

// Recipes also come from configuration files, where a slip of the pen would be passed over.
function checkFields(recipe: unknown): void {
  if (typeof recipe !== "object" || recipe === null) {
    throw invalid("A recipe must be an object with name, description and baseImage.");
  }
  for (const field of Object.keys(recipe)) {
    if (Object.hasOwn(FIELDS, field)) continue;
    throw invalid(
      `A recipe has no field ${JSON.stringify(field.slice(0, 100))}; it may have ${Object.keys(FIELDS).join(", ")}.`,
    );
  }
}

const FIELDS: Readonly<Record<keyof RuntimeRecipe, true>> = {
  name: true,
  description: true,
  baseImage: true,
  aptPackages: true,
  pipPackages: true,
  npmPackages: true,
  setup: true,
  env: true,
};

interface Rule {
  form: RegExp;
  /** What it must not have, though it has the form. */
  never?: RegExp;
  maxChars: number;
}

// `unknown`, because recipes also come from configuration files.
function checkEach(what: string, values: unknown, { form, never, maxChars }: Rule): void {
  if (values === undefined) return;
  if (!Array.isArray(values) || values.length > MAX_ENTRIES) {
    throw invalid(`The recipe needs a list of at most ${MAX_ENTRIES} for each ${what}.`);
  }
  for (const value of values as unknown[]) {
    const isText = typeof value === "string" && value.length <= maxChars;
    if (isText && form.test(value) && never?.test(value) !== true) continue;
    const shown = JSON.stringify(value)?.slice(0, 100) ?? "undefined";
    throw invalid(`The recipe has a ${what} that cannot be used: ${shown}; correct it.`);
  }
}

function invalid(message: string): SandboxError {
  return new SandboxError({ code: "invalid-argument", message });
}
