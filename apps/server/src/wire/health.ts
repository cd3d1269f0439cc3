import { z } from "@hono/zod-openapi";

export const healthSchema = z
  .object({
    status: z.literal("ok"),
    version: z.string(),
    sandbox: z.object({
      provider: z.string(),
      isolation: z.enum(["process", "container", "virtual-machine"]),
      description: z.string(),
      fallback: z.boolean().meta({
        description: "Docker would have been chosen, and could not be had: `reason` says why.",
      }),
      reason: z.string().meta({ description: "Why this kind of sandbox runs, for people." }),
    }),
    model: z.object({
      name: z.string(),
      demo: z.boolean().meta({ description: "No AI: fixed rules answer." }),
    }),
  })
  .openapi("Health");

export type WireHealth = z.infer<typeof healthSchema>;
