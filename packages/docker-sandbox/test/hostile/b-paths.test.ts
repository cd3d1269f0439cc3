import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { expect, it } from "vitest";
import { describeAttacks, expectUsable, python, refusal, textOf } from "./hostile-bench.ts";
import { TEST_UID_PATTERN } from "../../src/testing/uid.ts";

/** Paths that lead to the host's file if anything follows them there. */
const ESCAPES = (hostFile: string): string[] => [
  hostFile,
  `../../../../../..${hostFile}`,
  `/workspace/../..${hostFile}`,
  `/proc/1/root${hostFile}`,
  `/proc/self/root${hostFile}`,
];

const ODD_NAMES = {
  newline: "a\nb",
  tab: "a\tb",
  escape: "\u001b[31mred",
  "carriage return": "a\rb",
  quotes: `'"`,
  backslash: "a\\b",
  wildcards: "*?[]{}",
  dash: "-rf",
  option: "--help",
  space: " ",
  "255 bytes": "x".repeat(255),
  emoji: "😀",
  "right-to-left": "a\u202eb",
  slug: "[...nextauth].ts",
  group: "(group)",
  braces: "{a,b}",
  bang: "!x",
  hash: "#x#",
  "leading dots": "..foo",
  "middle dots": "foo..bar",
  ellipsis: "...",
  drive: "C:\\con",
  url: "file:",
  at: "@",
};

describeAttacks("B: paths and names", (bench) => {
  it("B1 read: gives nothing of the host", async () => {
    for (const path of ESCAPES(bench.hostFile)) {
      const text = await textOf(bench.sandbox, path).catch((error: unknown) => String(error));
      expect(text ?? "").not.toContain(bench.canary);
    }
  });

  it("B1 readLines, readStream and archive: give nothing of the host", async () => {
    const { sandbox, hostFile, canary } = bench;
    for (const path of ESCAPES(hostFile)) {
      const lines = await sandbox.readLines(path).catch(() => null);
      expect(JSON.stringify(lines)).not.toContain(canary);
      for (const open of [() => sandbox.readStream(path), () => sandbox.archive(path)]) {
        const content = await open().then(
          (stream) => buffer(stream),
          () => Buffer.alloc(0),
        );
        expect(content.includes(canary)).toBe(false);
      }
    }
  });

  it("B1 write, edit, move, remove: change nothing of the host", async () => {
    const { sandbox, hostFile, neighbour, canary } = bench;
    for (const path of ESCAPES(hostFile)) {
      for (const operation of [
        () => sandbox.write(path, "overwritten"),
        () => sandbox.edit(path, canary, "edited"),
        () => sandbox.move(path, "stolen"),
        () => sandbox.remove(path),
      ]) {
        await operation().catch((error: unknown) => expect(error).toBeInstanceOf(SandboxError));
      }
    }
    expect((await textOf(sandbox, "stolen")) ?? "").not.toContain(canary);
    expect(await textOf(neighbour, "secret")).toBe(canary);
  });

  it("B1 ls, glob and grep: show nothing of the host", async () => {
    const { sandbox, hostFile, canary } = bench;
    const parent = hostFile.slice(0, hostFile.lastIndexOf("/"));
    for (const path of ESCAPES(parent)) {
      for (const search of [
        () => sandbox.ls(path),
        () => sandbox.glob("**/*secret*", { path, hidden: true }),
        () => sandbox.grep(canary, { path, literal: true }),
      ]) {
        const found = await search().catch((error: unknown) => String(error));
        expect(JSON.stringify(found)).not.toMatch(/host-secret"|canary-[0-9a-f]{8}-.*"text"/);
      }
    }
  });

  it("B1 environment: the host process's own is nowhere in sight", async () => {
    const { output } = await bench.sandbox.execute("cat /proc/*/environ 2>/dev/null; env");
    expect(output).not.toContain(bench.canary);
  });

  it("B2: an absolute path of the workspace is the same as a relative one", async () => {
    await bench.sandbox.write("/workspace/b2", "x");
    expect(await textOf(bench.sandbox, "b2")).toBe("x");
  });

  it("B3: an absolute path is the sandbox's own", async () => {
    expect(await textOf(bench.sandbox, "/etc/hostname")).not.toBeNull();
    expect(await refusal(bench.sandbox.write("/etc/passwd", "x"))).toBe("permission-denied");
  });

  it("B4: shell syntax in a path is a name", async () => {
    const { sandbox } = bench;
    for (const name of ["~", "~root", "$HOME", "${HOME}", "`id`", "$(id)"]) {
      await sandbox.write(`b4/${name}`, name);
      expect(await textOf(sandbox, `b4/${name}`)).toBe(name);
    }
    expect((await sandbox.ls("b4")).length).toBe(6);
  });

  it("B5: URLs and paths of other systems are names", async () => {
    const { sandbox } = bench;
    for (const path of ["file:///etc/passwd", "@/etc/passwd", "\\\\?\\", "C:\\", "con"]) {
      expect(await textOf(sandbox, `b5/${path}`)).toBeNull();
      await sandbox.write(`b5/${path}`, "mine");
      expect(await textOf(sandbox, `b5/${path}`)).toBe("mine");
    }
  });

  it("B6: several spellings of a path are one file", async () => {
    const { sandbox } = bench;
    await sandbox.write("b6/a/file", "x");
    for (const spelling of ["b6/a/file", "b6//a/./file", "b6/a/../a/file", "./b6/a/file"]) {
      expect(await textOf(sandbox, spelling)).toBe("x");
    }
    for (const directory of ["", ".", "/workspace/"]) {
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toContain("b6");
    }
  });

  for (const [kind, name] of Object.entries(ODD_NAMES)) {
    it(`B7 ${kind}: such a name goes through every operation`, async () => {
      const { sandbox } = bench;
      const directory = `b7-${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
      const path = `${directory}/${name}`;
      await sandbox.write(path, "find me");
      expect((await sandbox.ls(directory)).map((entry) => entry.name)).toEqual([name]);
      await sandbox.edit(path, "find", "found");
      const { matches } = await sandbox.grep("found me", { path: directory, hidden: true });
      expect(matches.map((match) => match.path)).toEqual([`/workspace/${path}`]);
      await sandbox.move(path, `${directory}/moved`);
      await sandbox.move(`${directory}/moved`, path);
      expect(await sandbox.remove(path)).toBe(true);
      expect(await sandbox.ls(directory)).toEqual([]);
    });
  }

  it("B7 NUL: such a name is refused", async () => {
    expect(await refusal(bench.sandbox.write("a\0b", "x"))).toBe("invalid-path");
  });

  it("B8: a name that is not UTF-8 is listed, read and removed", async () => {
    const { sandbox } = bench;
    await sandbox.mkdir("b8");
    await python(sandbox, `open(b"/workspace/b8/\\xff\\xfe", "w").write("bytes")`);
    const [entry] = await sandbox.ls("b8");
    expect(entry?.name).toBe("\udcff\udcfe");
    expect(await textOf(sandbox, entry?.path ?? "")).toBe("bytes");
    expect(await sandbox.remove(entry?.path ?? "")).toBe(true);
  });

  it("B10 long: a path over the bound is refused", async () => {
    const { sandbox } = bench;
    expect(await refusal(sandbox.read("d/".repeat(3000)))).toBe("invalid-path");
    expect(await refusal(sandbox.write("n".repeat(256), "x"))).toBe("invalid-path");
  });

  it("B10 deep: 2,000 nested directories can be searched and removed", async () => {
    const { sandbox } = bench;
    await python(
      sandbox,
      `import os\nos.mkdir("/workspace/b10"); os.chdir("/workspace/b10")\nfor _ in range(2000):\n    os.mkdir("d"); os.chdir("d")\nopen("bottom", "w").write("x")`,
    );
    await sandbox.glob("**/bottom", { path: "b10" });
    await sandbox.grep("x", { path: "b10" });
    expect(await sandbox.remove("b10", { recursive: true })).toBe(true);
    expect(await sandbox.stat("b10")).toBeNull();
  });

  it("B11: 100,000 files in one directory are bounded work", async () => {
    const { sandbox } = bench;
    await python(
      sandbox,
      `import os\nos.mkdir("/workspace/b11")\nfor n in range(100001):\n    os.close(os.open(f"/workspace/b11/{n}", os.O_CREAT))`,
    );
    expect(await refusal(sandbox.ls("b11"))).toBe("too-large");
    const { files, truncated } = await sandbox.glob("**/*", { path: "b11", limit: 50 });
    expect({ count: files.length, truncated }).toEqual({ count: 50, truncated: true });
    expect((await sandbox.grep("x", { path: "b11" })).matches).toEqual([]);
    expect(await sandbox.remove("b11", { recursive: true })).toBe(true);
  });

  it("B12: patterns that explode elsewhere end in time", async () => {
    const { sandbox } = bench;
    await sandbox.write(`b12/${"a".repeat(200)}`, "x");
    for (const pattern of [
      "**/**/**/**/**/**/*a*b*c*",
      "*a".repeat(60),
      `${"{a,".repeat(30)}b${"}".repeat(30)}`,
      "{1,2}".repeat(40),
      "[",
      "[[[[[",
    ]) {
      const code = await sandbox.glob(pattern, { path: "b12", timeoutMs: 5000 }).then(
        () => "found",
        (error: unknown) => (SandboxError.isInstance(error) ? error.code : error),
      );
      expect(["found", "invalid-argument"]).toContain(code);
    }
  });

  it("B13: expressions that explode elsewhere end in time, and none is an option", async () => {
    const { sandbox } = bench;
    await sandbox.write("b13", `${"a".repeat(50_000)}!`);
    expect((await sandbox.grep("(a+)+$", { path: "b13" })).matches).toEqual([]);
    expect((await sandbox.grep("-f/etc/passwd", { path: "b13" })).matches).toEqual([]);
    expect((await sandbox.grep("--pre=sh", { path: "b13" })).matches).toEqual([]);
    expect(await refusal(sandbox.grep("(", { path: "b13" }))).toBe("invalid-argument");
    expect(await refusal(sandbox.grep("x".repeat(1_000_000)))).toBe("invalid-argument");
  });

  it("B14: what is no text is passed over, and huge lines are bounded", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir b14 && cd b14 && mkfifo fifo && ln -s /dev/zero zero && truncate -s 500M sparse && " +
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"socket\")' && " +
        "head -c 100000000 /dev/zero | tr '\\0' x > line && echo needle > text",
    );
    const { matches } = await sandbox.grep("needle", { path: "b14", timeoutMs: 20_000 });
    expect(matches.map(({ path }) => path)).toEqual(["/workspace/b14/text"]);
    for (const name of ["fifo", "socket", "zero"]) {
      expect(await refusal(sandbox.read(`b14/${name}`))).toBe("not-regular");
    }
    expect(await refusal(sandbox.read("b14/sparse"))).toBe("too-large");
    await sandbox.remove("b14", { recursive: true });
  });

  it("B15: texts that mean something to a replacement are replaced literally", async () => {
    const { sandbox } = bench;
    await sandbox.write("b15", "one\r\ntwo\r\none\r\n");
    expect(await refusal(sandbox.edit("b15", "absent", "x"))).toBe("no-match");
    expect(await refusal(sandbox.edit("b15", "one", "x"))).toBe("ambiguous-match");
    await sandbox.edit("b15", "two\r\n", "$& $1 \\n\r\n");
    expect(await textOf(sandbox, "b15")).toBe("one\r\n$& $1 \\n\r\none\r\n");
    const { hash } = await sandbox.write("b15", "first");
    await sandbox.execute("echo second > b15");
    expect(await refusal(sandbox.edit("b15", "second", "x", { ifHash: hash }))).toBe("conflict");
  });

  it("B16: every size and every byte comes back as it was", async () => {
    const { sandbox } = bench;
    const everyByte = Uint8Array.from({ length: 65_537 }, (_, index) => index % 256);
    for (const content of [
      new Uint8Array(),
      Uint8Array.of(0),
      everyByte,
      Uint8Array.of(0xef, 0xbb, 0xbf, 0xff, 0xfe),
    ]) {
      const { hash } = await sandbox.write("b16", content);
      expect(hash).toBe(createHash("sha256").update(content).digest("hex"));
      expect(Buffer.from((await sandbox.read("b16")) ?? [])).toEqual(Buffer.from(content));
    }
  });

  it("B17: a write to what is no file is refused, and nothing is half written", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir -p b17/d && echo x > b17/f && mkdir b17/locked && chmod 0 b17/locked",
    );
    expect(await refusal(sandbox.write("b17/d", "x"))).toBe("is-directory");
    expect(await refusal(sandbox.write("b17/f/g", "x"))).toBe("not-directory");
    expect(await refusal(sandbox.write("b17/locked/g", "x"))).toBe("permission-denied");
    expect((await sandbox.ls("b17")).map(({ name }) => name)).toEqual(["d", "f", "locked"]);
    expect(await textOf(sandbox, "b17/f")).toBe("x\n");
  });

  it("B18: the directory that a command runs in may vanish", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir b18 && cd b18 && rmdir ../b18 && touch x; mv /workspace /elsewhere",
    );
    await sandbox.execute("rm -rf /workspace/* /workspace/.[!.]*");
    await expectUsable(sandbox);
    expect(await refusal(sandbox.remove("/workspace", { recursive: true }))).toBe("invalid-path");
  });

  it("B19: setuid gives nothing", async () => {
    const { sandbox } = bench;
    const { stdout } = await sandbox.execute(
      "cp /bin/dash b19 && chmod 6755 b19 && ./b19 -c 'id -u; grep NoNewPrivs /proc/self/status'",
    );
    expect(stdout).toMatch(new RegExp(`^${TEST_UID_PATTERN}\nNoNewPrivs:\t1\n$`));
  });

  it("B20: odd times and sizes are told", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir b20 && cd b20 && touch -d @-1 before && touch -d 2106-02-08 after && truncate -s 500M huge",
    );
    const entries = await sandbox.ls("b20");
    expect(entries.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
      ["after", 0],
      ["before", 0],
      ["huge", 500 * 1024 ** 2],
    ]);
    expect(entries.map(({ modifiedAt }) => new Date(modifiedAt).getUTCFullYear())).toContain(1969);
    await sandbox.remove("b20", { recursive: true });
  });
});
