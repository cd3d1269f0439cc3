/** A copy, for a writer that may use its buffer again as soon as it was taken over. */
export function ownBytes(data: string | Uint8Array): Buffer {
  return typeof data === "string" ? Buffer.from(data, "utf8") : Buffer.from(data);
}
