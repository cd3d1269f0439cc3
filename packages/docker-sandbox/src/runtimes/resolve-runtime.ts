import { SandboxError } from "@carrel/backend-protocol";
import { BUILTIN_RUNTIMES } from "./builtin-runtimes.ts";
import type { RuntimeRecipe } from "./runtime-recipe.ts";
import { validateRecipe } from "./validate-recipe.ts";

/**
 * @param runtime name of one of {@link BUILTIN_RUNTIMES}, or a recipe of one's own
 * @throws `invalid-argument` for an unknown name, or a recipe that cannot be used
 */
export function resolveRuntime(runtime: string | RuntimeRecipe): RuntimeRecipe {
  if (typeof runtime !== "string") {
    validateRecipe(runtime);
    return runtime;
  }
  const builtin = BUILTIN_RUNTIMES.find(({ name }) => name === runtime);
  if (builtin) return builtin;
  throw new SandboxError({
    code: "invalid-argument",
    message: `There is no runtime ${JSON.stringify(runtime.slice(0, 100))}; choose one of ${BUILTIN_RUNTIMES.map(({ name }) => name).join(", ")}, or give a recipe.`,
  });
}
