import { once } from "node:events";
import { Duplex, duplexPair } from "node:stream";
import { SandboxError } from "@carrel/backend-protocol";
import { describe, expect, it } from "vitest";
import { ExecStream } from "./exec-stream.ts";

function frame(stream: number, data: string | Buffer): Buffer {
  const bytes = Buffer.from(data);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

/** An exec whose program begins with a zero byte, and the engine's end of it. */
function openExec(): { exec: ExecStream; engine: Duplex } {
  const [raw, engine] = duplexPair();
  const exec = new ExecStream({
    raw,
    isExpected: (first) => first[0] === 0,
    explainEnd: (said) =>
      Promise.resolve(new SandboxError({ code: "unavailable", message: `ended: ${said}` })),
  });
  return { exec, engine };
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

describe("The stream of an exec", () => {
  it("is the program's output, and its input", async () => {
    const { exec, engine } = openExec();
    engine.end(Buffer.concat([frame(1, "\0hello"), frame(2, "a warning"), frame(1, " world")]));
    expect((await readAll(exec)).toString()).toBe("\0hello world");
    exec.write("one ");
    exec.end("two");
    expect((await readAll(engine)).toString()).toBe("one two");
  });

  it("paused stream: takes no more from the engine than one chunk, and goes on when it is resumed", async () => {
    const { exec, engine } = openExec();
    let received = 0;
    let pieces = 0;
    exec.on("data", (bytes: Buffer) => {
      received += bytes.length;
      pieces++;
    });
    engine.write(frame(1, "\0"));
    await expect.poll(() => received).toBe(1);
    exec.pause();
    const single = frame(1, "x");
    // As an agent would have them that writes byte by byte.
    for (let writes = 0; writes < 1000; writes++) {
      engine.write(Buffer.concat(Array.from({ length: 100 }, () => single)));
    }
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(exec.readableLength).toBeLessThan(10_000);
    exec.resume();
    await expect.poll(() => received).toBe(100_001);
    expect(pieces).toBeLessThan(5000);
  });

  it("goes on to be written to when the output has ended, and the other way round", async () => {
    const { exec, engine } = openExec();
    exec.end("the end");
    expect((await readAll(engine)).toString()).toBe("the end");
    engine.end(frame(1, "\0still here"));
    expect((await readAll(exec)).toString()).toBe("\0still here");
  });

  it("makes the engine wait for a reader that does not read", async () => {
    const { exec, engine } = openExec();
    const piece = frame(1, Buffer.alloc(64 * 1024));
    let written = 0;
    while (written < 1000 && engine.write(piece)) {
      written++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written * piece.length).toBeLessThan(4 * 1024 * 1024);
    const drained = once(engine, "drain");
    exec.resume();
    await drained;
  });

  it("makes a writer wait for an engine that does not read", async () => {
    const { exec } = openExec();
    let written = 0;
    while (written < 1000 && exec.write(Buffer.alloc(64 * 1024))) {
      written++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(10);
  });

  const ends: Record<string, [Buffer, string]> = {
    "nothing was said": [Buffer.alloc(0), "ended: "],
    "the engine says why": [
      frame(1, "OCI runtime exec failed\r\n"),
      "ended: OCI runtime exec failed",
    ],
    "the program says why": [frame(2, "no such file\n"), "ended: no such file"],
    "very much was said": [frame(2, "x".repeat(100_000)), `ended: ${"x".repeat(4096)}`],
  };

  it.each(Object.entries(ends))("tells why it ended where %s", async (_what, [bytes, message]) => {
    const { exec, engine } = openExec();
    engine.end(bytes);
    await expect(readAll(exec)).rejects.toMatchObject({ code: "unavailable", message });
  });

  it("breaks where the engine cuts a frame, or sends none", async () => {
    for (const bytes of [frame(1, "\0cut").subarray(0, 10), Buffer.from("\u0001\0\0\u0001....")]) {
      const { exec, engine } = openExec();
      engine.write(frame(1, "\0begun"));
      engine.end(bytes);
      await expect(readAll(exec)).rejects.toMatchObject({ code: "unavailable" });
      expect(exec.destroyed).toBe(true);
    }
  });

  it("closes the connection with it", async () => {
    const { exec, engine } = openExec();
    const closed = once(engine, "end");
    engine.resume();
    exec.destroy();
    await closed;
  });
});
