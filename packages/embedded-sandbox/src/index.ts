export { createEmbeddedProvider } from "./embedded-provider.ts";
export type { EmbeddedProviderOptions } from "./embedded-provider.ts";
export { lockRoot } from "./root-lock.ts";
