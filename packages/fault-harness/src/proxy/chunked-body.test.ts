import { expect, it } from "vitest";
import { ChunkedBody } from "./chunked-body.ts";

const BODY = "4;x=y\r\nWiki\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";

it("ends where its last chunk ends, wherever the pieces were cut", () => {
  const bytes = Buffer.from(`${BODY}HTTP/1.1`);
  for (let size = 1; size <= bytes.length; size++) {
    const body = new ChunkedBody();
    let taken = 0;
    for (let at = 0; at < bytes.length && !body.done; at += size) {
      taken += body.take(bytes.subarray(at, at + size));
    }
    expect(taken).toBe(BODY.length);
    expect(body.done).toBe(true);
  }
});

it("refuses what is no chunk, and a line without an end", () => {
  expect(() => new ChunkedBody().take(Buffer.from("hello\r\n"))).toThrow("size");
  expect(() => new ChunkedBody().take(Buffer.alloc(10_000, "1"))).toThrow("no end");
});
