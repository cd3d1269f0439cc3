import { SandboxError } from "@carrel/backend-protocol";

/** `version` is the tag, or the digest where there is one, as the engine wants it for a pull. */
export type ImageReference =
  | { kind: "id"; id: string }
  | { kind: "name"; name: string; version: string };

// Docker's own bounds: names of 255 characters, tags of 128, and a digest.
const MAX_REFERENCE_CHARS = 512;

const IMAGE_ID = /^sha256:[0-9a-f]{64}$/;
const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?`;
const PART = String.raw`[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`;
const NAME = new RegExp(
  String.raw`^(?<name>(?:${HOST}/)?${PART}(?:/${PART})*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** @throws `invalid-argument` for what cannot be the name or id of an image */
export function parseImageReference(reference: string): ImageReference {
  if (IMAGE_ID.test(reference)) return { kind: "id", id: reference };
  const groups = reference.length <= MAX_REFERENCE_CHARS ? NAME.exec(reference)?.groups : undefined;
  const name = groups?.["name"];
  if (groups === undefined || name === undefined) {
    throw new SandboxError({
      code: "invalid-argument",
      message: `${JSON.stringify(reference.slice(0, MAX_REFERENCE_CHARS))} is no name of an image; use one such as python:3.12-slim.`,
    });
  }
  // Without a tag the engine would pull every tag there is.
  return { kind: "name", name, version: groups["digest"] ?? groups["tag"] ?? "latest" };
}
