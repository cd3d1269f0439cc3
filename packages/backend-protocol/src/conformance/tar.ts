import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";

export interface TarEntry {
  type: string;
  mode: number;
  /** Where a link leads; otherwise `null`. */
  linkName: string | null;
  content: Buffer;
}

/** The entries of a tar by name, without the slash that marks a directory. */
export async function readTar(stream: ReadableStream<Uint8Array>): Promise<Map<string, TarEntry>> {
  const entries = new Map<string, TarEntry>();
  for await (const entry of Readable.from(stream).pipe(extract())) {
    const { name, type, mode, linkname } = entry.header;
    entries.set(name.replace(/\/$/, ""), {
      type: type ?? "unknown",
      mode: mode ?? -1,
      linkName: linkname ?? null,
      content: await buffer(entry),
    });
  }
  return entries;
}
