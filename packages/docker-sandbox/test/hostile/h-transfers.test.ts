import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { expect, it } from "vitest";
import {
  describeAttacks,
  expectUndisturbed,
  expectUsable,
  refusal,
  textOf,
} from "./hostile-bench.ts";

const MEBIBYTE = 1024 * 1024;

describeAttacks("H: archives, uploads, downloads", (bench) => {
  it("H2: what unpacks to more than it may ends inside, at the sandbox's bounds", async () => {
    const { sandbox } = bench;
    const result = await sandbox.execute(
      "head -c 3000000000 /dev/zero | gzip -1 | gunzip > h2; ls -l h2; rm -f h2",
      { timeoutMs: 60_000 },
    );
    expect(["exited", "timed-out"]).toContain(result.outcome);
    await sandbox.remove("h2");
    await expectUsable(sandbox);
    await expectUndisturbed(bench);
  });

  it("H3: unpackers of the user's own are never run by the engine", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir -p ~/.local/bin && for p in xz unpigz gzip bzip2; do printf '#!/bin/sh\\ntouch /workspace/pwned\\n' > ~/.local/bin/$p; chmod +x ~/.local/bin/$p; done",
    );
    await sandbox.write("h3", randomBytes(MEBIBYTE));
    await buffer(await sandbox.archive("h3"));
    expect(await sandbox.stat("pwned")).toBeNull();
    await sandbox.execute("rm -rf ~/.local/bin");
  });

  it("H4: an archive of much is a stream, and links in it stay links", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir h4 && cd h4 && ln -s / root && mkfifo fifo && for n in $(seq 1 3000); do echo $n > $n; done && head -c 50000000 /dev/zero > big",
    );
    let size = 0;
    for await (const chunk of await sandbox.archive("h4")) size += chunk.length;
    expect(size).toBeGreaterThan(50_000_000 + 3000 * 1024);
    expect(size).toBeLessThan(50_000_000 + 3010 * 1536);
  });

  it("H4 given up: a reader that leaves stops the work inside", async () => {
    const { sandbox } = bench;
    await sandbox.execute("truncate -s 500M h4-sparse");
    const stream = await sandbox.readStream("h4-sparse");
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    await expectUsable(sandbox);
    await sandbox.remove("h4-sparse");
  });

  it("H6 aborted: half an upload leaves nothing", async () => {
    const { sandbox } = bench;
    await sandbox.write("h6/file", "old");
    const failing = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(MEBIBYTE));
        if (Math.random() < 0.2) controller.error(new Error("the browser left"));
      },
    });
    await expect(sandbox.write("h6/file", failing)).rejects.toThrow();
    const abort = new AbortController();
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(MEBIBYTE));
      },
    });
    const writing = sandbox.write("h6/file", endless, { signal: abort.signal });
    setTimeout(() => abort.abort(), 300);
    expect(await refusal(writing)).toBe("aborted");
    expect((await sandbox.ls("h6")).map(({ name }) => name)).toEqual(["file"]);
    expect(await textOf(sandbox, "h6/file")).toBe("old");
  });

  it("H6 full: an upload over the largest file leaves nothing", async () => {
    const { sandbox } = bench;
    let sent = 0;
    const huge = new ReadableStream<Uint8Array>({
      pull(controller) {
        if ((sent += MEBIBYTE) > 600 * MEBIBYTE) controller.close();
        else controller.enqueue(new Uint8Array(MEBIBYTE));
      },
    });
    expect(["too-large", "no-space"]).toContain(await refusal(sandbox.write("h6-full", huge)));
    expect((await sandbox.glob("*h6-full*", { hidden: true })).files).toEqual([]);
    await expectUsable(sandbox);
  });

  it("H6 twice: of two uploads at once one is there whole", async () => {
    const { sandbox } = bench;
    const contents = [1, 2, 3, 4].map(() => randomBytes(2 * MEBIBYTE));
    await Promise.all(contents.map((content) => sandbox.write("h6-twice", content)));
    const there = createHash("sha256")
      .update((await sandbox.read("h6-twice")) ?? "")
      .digest("hex");
    const hashes = contents.map((content) => createHash("sha256").update(content).digest("hex"));
    expect(hashes).toContain(there);
  });

  it("H8: a range beyond the end is empty, and none is negative", async () => {
    const { sandbox } = bench;
    await sandbox.write("h8", "0123456789");
    expect((await sandbox.read("h8", { offset: 10 }))?.length).toBe(0);
    expect((await sandbox.read("h8", { offset: 2 ** 50, limit: 5 }))?.length).toBe(0);
    for (const range of [{ offset: -1 }, { limit: -1 }, { offset: Number.NaN }, { offset: 0.5 }]) {
      expect(await refusal(sandbox.read("h8", range))).toBe("invalid-argument");
    }
  });

  it("H9: downloads that nobody reads lock nothing", async () => {
    const { sandbox } = bench;
    await sandbox.execute("head -c 50000000 /dev/zero > h9");
    const streams = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? sandbox.readStream("h9") : sandbox.archive("h9"),
      ),
    );
    await expectUsable(sandbox);
    expect(await sandbox.status()).toBe("running");
    await Promise.all(streams.map((stream) => stream.cancel()));
    await sandbox.remove("h9").catch((error: unknown) => {
      expect(SandboxError.isInstance(error)).toBe(true);
    });
  });
});
