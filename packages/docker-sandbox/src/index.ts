export { createDockerProvider } from "./docker-provider.ts";
export type { DockerSandboxProvider } from "./docker-provider.ts";
export type { DockerProviderOptions, WarmOptions } from "./provider-options.ts";
export type { EngineOptions } from "./engine/engine.ts";
export type { OnProgress, SandboxProgress } from "./images/sandbox-progress.ts";
export type { SandboxLimits } from "./limits.ts";
export type { RuntimeRecipe } from "./runtimes/runtime-recipe.ts";
