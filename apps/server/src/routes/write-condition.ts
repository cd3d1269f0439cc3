import { SandboxError } from "@carrel/backend-protocol";

const QUOTED_HASH = /^"([0-9a-f]{64})"$/;

const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/**
 * What must be there for a write to happen: the file of this hash, nothing (`null`), or anything
 * (`undefined`).
 *
 * @throws `conflict` where the tag is none that a file can have, `invalid-argument` where the
 * headers say something else
 */
export function writeCondition(headers: {
  "if-match"?: string | undefined;
  "if-none-match"?: string | undefined;
}): string | null | undefined {
  const { "if-match": match, "if-none-match": noneMatch } = headers;
  if (match === undefined && noneMatch === undefined) return undefined;
  if (match === undefined && noneMatch === "*") return null;
  const hash = noneMatch === undefined ? QUOTED_HASH.exec(match ?? "")?.[1] : undefined;
  if (hash !== undefined) return hash;
  if (noneMatch === undefined && ENTITY_TAG.test(match ?? "")) {
    throw new SandboxError({
      code: "conflict",
      message:
        'No file has the tag of If-Match: tags are "<SHA-256 of the content in lower-case hex>". Read the file again.',
    });
  }
  throw new SandboxError({
    code: "invalid-argument",
    message:
      'The headers say no condition that is known: give If-Match: "<SHA-256 of the content in hex>", or If-None-Match: *, or neither.',
  });
}
