import { expect, test } from "vitest";
import { MAX_IMAGE_BYTES, MAX_TEXT_BYTES, previewLimit, previewOf } from "./preview.ts";

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);

test("text is text", () => {
  const text = "grüße\nzwei\n";
  expect(previewOf(bytesOf(text), true)).toEqual({
    kind: "text",
    text,
    cut: false,
    damaged: false,
  });
});

test("nothing is empty", () => {
  expect(previewOf(new Uint8Array(), true)).toEqual({ kind: "empty" });
});

test.each([
  ["image/png", PNG],
  ["image/jpeg", new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0])],
  ["image/gif", bytesOf("GIF89a....")],
  ["image/webp", bytesOf("RIFF\n..\rWEBPVP8 ")],
])("an image is known by its first bytes: %s", (type, bytes) => {
  const preview = previewOf(bytes, true);
  expect(preview).toMatchObject({ kind: "image", blob: { type } });
  expect(previewLimit(bytes)).toBe(MAX_IMAGE_BYTES);
});

test.each([
  ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'],
  ["HTML", "<!doctype html><script>alert(1)</script>"],
  ["XML", '<?xml version="1.0"?><svg/>'],
  ["PDF", "%PDF-1.7\n"],
])("%s is text and never an image or a page", (_, content) => {
  expect(previewOf(bytesOf(content), true)).toMatchObject({ kind: "text", text: content });
  expect(previewLimit(bytesOf(content))).toBe(MAX_TEXT_BYTES);
});

test("an image of which only the beginning is there is not drawn", () => {
  expect(previewOf(PNG, false)).toEqual({ kind: "large-image" });
});

test("a NUL makes a file binary", () => {
  expect(previewOf(bytesOf("ab\u0000c"), true)).toEqual({ kind: "binary" });
});

test("a character that the cut splits is left out and is no damage", () => {
  const bytes = bytesOf("ab€").slice(0, 4);
  expect(previewOf(bytes, false)).toEqual({ kind: "text", text: "ab", cut: true, damaged: false });
});

test("text in another encoding is shown with a sign that it is damaged", () => {
  const latin1 = new Uint8Array([0x67, 0x72, 0xfc, 0x6e]);
  expect(previewOf(latin1, true)).toEqual({
    kind: "text",
    text: "gr\ufffdn",
    cut: false,
    damaged: true,
  });
});
