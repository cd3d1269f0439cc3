import { z } from "@hono/zod-openapi";

const fileEntrySchema = z
  .object({
    name: z.string(),
    path: z.string().meta({ description: "Absolute in the sandbox." }),
    is_dir: z.boolean(),
    size: z.int().meta({ description: "Bytes." }),
    modified_at: z.iso.datetime(),
  })
  .openapi("FileEntry");

export const fileListSchema = z
  .object({
    files: z.array(fileEntrySchema),
    next: z.string().nullable().meta({
      description: "What to give as `after` for the next page; `null` at the end.",
    }),
  })
  .openapi("FileList");

export const writtenFileSchema = z
  .object({
    path: z.string(),
    size: z.int(),
    hash: z.string().meta({ description: "SHA-256 of the content, lower-case hex." }),
    created: z.boolean().meta({ description: "No file stood there before." }),
  })
  .openapi("WrittenFile");

export const removedFileSchema = z
  .object({ removed: z.boolean().meta({ description: "`false`: nothing was there." }) })
  .openapi("RemovedFile");

export type WireFileEntry = z.infer<typeof fileEntrySchema>;
export type WireFileList = z.infer<typeof fileListSchema>;
export type WireWrittenFile = z.infer<typeof writtenFileSchema>;
export type WireRemovedFile = z.infer<typeof removedFileSchema>;
