/** What the viewer shows of a file. */
export type Preview =
  | {
      kind: "text";
      text: string;
      /** There is more than the text. */
      cut: boolean;
      /** Bytes that are no UTF-8 are shown as U+FFFD. */
      damaged: boolean;
    }
  | { kind: "image"; blob: Blob }
  | { kind: "large-image" }
  | { kind: "binary" }
  | { kind: "empty" };

/** Most bytes of a text that are shown. */
export const MAX_TEXT_BYTES: number = 250_000;
/** Largest image that is shown. */
export const MAX_IMAGE_BYTES: number = 16_000_000;

const BINARY_PROBE_BYTES = 8192;

/** By their first bytes, never by their names: only these are handed to the browser as images. */
const IMAGE_SIGNATURES: readonly { type: string; matches: (start: string) => boolean }[] = [
  { type: "image/png", matches: (start) => start.startsWith("\u0089PNG\r\n\u001a\n") },
  { type: "image/jpeg", matches: (start) => start.startsWith("\u00ff\u00d8\u00ff") },
  { type: "image/gif", matches: (start) => /^GIF8[79]a/.test(start) },
  { type: "image/webp", matches: (start) => /^RIFF[^]{4}WEBP/.test(start) },
];

function imageType(bytes: Uint8Array): string | null {
  const start = String.fromCharCode(...bytes.subarray(0, 16));
  return IMAGE_SIGNATURES.find(({ matches }) => matches(start))?.type ?? null;
}

/** How much of a file that begins like this is wanted. */
export function previewLimit(start: Uint8Array): number {
  return imageType(start) === null ? MAX_TEXT_BYTES : MAX_IMAGE_BYTES;
}

/** @param complete `bytes` are the whole file, not only its beginning */
export function previewOf(bytes: Uint8Array<ArrayBuffer>, complete: boolean): Preview {
  if (bytes.byteLength === 0) return { kind: "empty" };
  const type = imageType(bytes);
  if (type !== null) {
    return complete
      ? { kind: "image", blob: new Blob([bytes], { type }) }
      : { kind: "large-image" };
  }
  if (bytes.subarray(0, BINARY_PROBE_BYTES).includes(0)) return { kind: "binary" };
  // A character that the end of a cut text splits is left out.
  const text = new TextDecoder().decode(bytes, { stream: !complete });
  return { kind: "text", text, cut: !complete, damaged: !isUtf8(bytes, complete) };
}

function isUtf8(bytes: Uint8Array, complete: boolean): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: !complete });
    return true;
  } catch {
    // The decoder's way to say no.
    return false;
  }
}
