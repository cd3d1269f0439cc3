import { z } from "@hono/zod-openapi";

export const healthSchema = z
  .object({
    status: z.literal("ok"),
    version: z.string(),
    sandbox: z.object({
      provider: z.string(),
      isolation: z.enum(["process", "container", "virtual-machine"]),
      description: z.string(),
    }),
    model: z.object({
      name: z.string(),
      demo: z.boolean().meta({ description: "No AI: fixed rules answer." }),
    }),
  })
  .openapi("Health");

export type WireHealth = z.infer<typeof healthSchema>;
