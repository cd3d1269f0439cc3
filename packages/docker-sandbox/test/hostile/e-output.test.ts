import { memoryUsage } from "node:process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { expect, it } from "vitest";
import { describeAttacks, expectUndisturbed, expectUsable, python } from "./hostile-bench.ts";

const MEBIBYTE = 1024 * 1024;
const FLOODS = { yes: "yes", zeros: "cat /dev/zero", noise: "cat /dev/urandom" };

describeAttacks("E: output", (bench) => {
  for (const [kind, command] of Object.entries(FLOODS)) {
    it(`E1 ${kind}: a flood is cut, its command ended, and memory stays bounded`, async () => {
      const before = memoryUsage().rss;
      const result = await bench.sandbox.execute(command, { timeoutMs: 20_000 });
      expect(result).toMatchObject({ outcome: "output-limit", exitCode: null, truncated: true });
      expect(Buffer.byteLength(result.stdout)).toBeLessThanOrEqual(3 * MEBIBYTE);
      expect(memoryUsage().rss - before).toBeLessThan(100 * MEBIBYTE);
      const { stdout } = await bench.sandbox.execute("pgrep -x 'yes|cat' | wc -l");
      expect(stdout.trim()).toBe("0");
    });
  }

  it("E2: what was written before the bound is kept, and the bound is exact", async () => {
    const { sandbox } = bench;
    const exact = await sandbox.execute("head -c 5000000 /dev/zero | tr '\\0' x", {
      maxOutputBytes: 5_000_000,
    });
    expect(exact).toMatchObject({ outcome: "exited", exitCode: 0, truncated: false });
    expect(exact.stdout.length).toBe(5_000_000);
    const over = await sandbox.execute("head -c 5000001 /dev/zero | tr '\\0' x; sleep 60", {
      maxOutputBytes: 5_000_000,
    });
    expect(over).toMatchObject({ outcome: "output-limit", truncated: true });
    expect(over.stdout.length).toBe(5_000_000);
  });

  it("E3: twenty floods at once leave the host's loop and the neighbour alone", async () => {
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    const floods = Array.from({ length: 20 }, () => bench.sandbox.execute("yes"));
    await expectUndisturbed(bench);
    for (const { outcome } of await Promise.all(floods)) expect(outcome).toBe("output-limit");
    delay.disable();
    expect(delay.percentile(50) / 1e6).toBeLessThan(250);
  });

  it("E4: a reader that does not read holds up nobody", async () => {
    const { sandbox } = bench;
    const process = await sandbox.spawn("head -c 30000000 /dev/zero; echo done > e4", {
      maxOutputBytes: 64 * MEBIBYTE,
    });
    const reader = process.output[Symbol.asyncIterator]();
    await reader.next();
    expect((await process.result).outcome).toBe("exited");
    await expectUsable(sandbox);
  });

  it("E5: very many tiny writes are gathered", async () => {
    const { sandbox } = bench;
    const process = await sandbox.spawn(
      "python3 -c 'import os\nfor _ in range(200000): os.write(1, b\"x\\n\")'",
    );
    let chunks = 0;
    let size = 0;
    for await (const { data } of process.output) {
      chunks++;
      size += data.length;
    }
    expect(size).toBe(400_000);
    expect(chunks).toBeLessThan(200_000);
  });

  for (const [kind, byte] of Object.entries({
    "line break": "x",
    "carriage return": "\\r",
    NUL: "\\0",
  })) {
    it(`E6 ${kind}: megabytes without a line break are output like any other`, async () => {
      const { stdout } = await bench.sandbox.execute(
        `head -c 3000000 /dev/zero | tr '\\0' '${byte}'`,
        { maxOutputBytes: 4 * MEBIBYTE },
      );
      expect(stdout.length).toBe(3_000_000);
    });
  }

  it("E7: a character that is cut anywhere comes out whole", async () => {
    const { sandbox } = bench;
    const result = await sandbox.execute(
      `python3 -c 'import os, time
for part in "😀é".encode():
    os.write(1, bytes([part])); os.write(2, bytes([part])); time.sleep(0.01)'`,
    );
    expect(result.stdout).toBe("😀é");
    expect(result.stderr).toBe("😀é");
    expect(result.output).not.toContain("\ufffd");
  });

  it("E8: bytes that are no text become text, and valid JSON", async () => {
    const { stdout } = await bench.sandbox.execute(
      "printf '\\377\\376'; printf '\\355\\240\\200'; printf '\\357\\273\\277'; head -c 100000 /dev/urandom",
    );
    expect(stdout.isWellFormed()).toBe(true);
    expect(JSON.parse(JSON.stringify(stdout))).toBe(stdout);
    expect(stdout).toContain("\ufffd");
  });

  it("E9: what looks like the engine's or the agent's frames is output", async () => {
    const headers =
      "\\001\\000\\000\\000\\000\\000\\000\\005hello\\000\\000\\000\\012\\024\\000\\000\\000\\001{}";
    const { stdout } = await bench.sandbox.execute(
      `for n in $(seq 1 500); do printf '${headers}'; done`,
    );
    expect(Buffer.byteLength(stdout)).toBe(500 * (8 + 5 + 9 + 2));
  });

  it("E11 and E12: control sequences and events of other protocols stay text", async () => {
    const text =
      '\u001b]0;title\u0007\u001b]52;c;eA==\u0007\n\ndata: {"forged":1}\n\nevent: error\r\rid:';
    const { stdout } = await bench.sandbox.execute("cat", { stdin: text });
    expect(stdout).toBe(text);
  });

  for (const code of [0, 1, 126, 127, 130, 137, 143, 255]) {
    it(`E13 exit ${code}: is told as it is`, async () => {
      expect(await bench.sandbox.execute(`echo err >&2; exit ${code}`)).toMatchObject({
        outcome: "exited",
        exitCode: code,
        stdout: "",
        stderr: "err\n",
      });
    });
  }

  it("E13 closed: a command that closed its output still ends truthfully", async () => {
    const result = await bench.sandbox.execute("exec >&- 2>&-; sleep 0.2; exit 5");
    expect(result).toMatchObject({ outcome: "exited", exitCode: 5, output: "" });
  });

  it("E14: a child that keeps the output open does not hold the result", async () => {
    const { sandbox } = bench;
    const { durationMs, ...result } = await sandbox.execute(
      "(sleep 3; echo late; echo written > e14) & echo now",
    );
    expect(result).toMatchObject({ outcome: "exited", exitCode: 0, stdout: "now\n" });
    expect(durationMs).toBeLessThan(2500);
    const waiting =
      "import os, time\nwhile not os.path.exists('/workspace/e14'): time.sleep(0.05)\n";
    await python(sandbox, waiting);
  });
});
