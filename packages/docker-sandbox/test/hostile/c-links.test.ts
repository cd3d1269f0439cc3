import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { SandboxError } from "@carrel/backend-protocol";
import { expect, it } from "vitest";
import {
  describeAttacks,
  expectUndisturbed,
  expectUsable,
  python,
  refusal,
  textOf,
} from "./hostile-bench.ts";

const TARGETS = [
  "/etc/shadow",
  "/proc/1/environ",
  "/proc/1/root/etc/shadow",
  "/var/run/docker.sock",
];

/** Swaps two names of the workspace as fast as it can, until it is killed. */
const SWAPPER = (one: string, other: string): string => `
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
one, other = b"/workspace/${one}", b"/workspace/${other}"
print("swapping", flush=True)
while True:
    libc.syscall(316, -100, one, -100, other, 2)
`;

describeAttacks("C: links, special files and races", (bench) => {
  async function link(target: string, name: string): Promise<void> {
    await bench.sandbox.execute(`rm -rf '${name}'; ln -s '${target}' '${name}'`);
  }

  for (const target of TARGETS) {
    it(`C1 ${target}: a link gives no more than the sandbox's user may see`, async () => {
      const { sandbox, canary } = bench;
      await link(target, "c1");
      for (const operation of [
        () => sandbox.read("c1"),
        () => sandbox.readLines("c1"),
        () => sandbox.edit("c1", "a", "b"),
        () => sandbox.grep(".", { path: "c1" }),
        () => sandbox.readStream("c1"),
      ]) {
        const outcome = await operation().catch((error: unknown) => {
          if (!SandboxError.isInstance(error)) throw error;
          return error.code;
        });
        expect(JSON.stringify(outcome) ?? "").not.toContain(canary);
      }
      expect(await sandbox.stat("c1")).toMatchObject({ type: "symlink" });
      expect(await sandbox.remove("c1")).toBe(true);
    });
  }

  it("C1 host file: a link to it leads nowhere", async () => {
    const { sandbox, hostFile } = bench;
    await link(hostFile, "c1-host");
    expect(await textOf(sandbox, "c1-host")).toBeNull();
    await refusal(sandbox.readStream("c1-host"));
  });

  it("C2: a link to a directory is not entered by a search", async () => {
    const { sandbox, hostFile, canary } = bench;
    await link("/", "c2");
    const parent = hostFile.slice(0, hostFile.lastIndexOf("/"));
    expect(await textOf(sandbox, `c2${hostFile}`)).toBeNull();
    const { files } = await sandbox.glob("**/passwd", { path: "." });
    expect(files).toEqual([]);
    expect((await sandbox.grep(canary, { path: ".", literal: true })).matches).toEqual([]);
    expect(await sandbox.stat(`c2${parent}`)).toBeNull();
  });

  it("C3: a write through a dangling link makes nothing on the host", async () => {
    const { sandbox, hostFile, canary } = bench;
    await link(`${hostFile}-new`, "c3");
    await sandbox.write("c3", "x").catch((error: unknown) => {
      if (!SandboxError.isInstance(error)) throw error;
    });
    await expect(readFile(`${hostFile}-new`)).rejects.toThrow("ENOENT");
    expect(await readFile(hostFile, "utf8")).toBe(canary);
  });

  it("C4: loops, long chains and long targets of links end in an error", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir c4 && cd c4 && ln -s self self && ln -s a b && ln -s b a && echo x > n0 && " +
        "for n in $(seq 1 45); do ln -s n$((n - 1)) n$n; done && " +
        `ln -s "$(head -c 4095 /dev/zero | tr '\\0' x)" long`,
    );
    for (const name of ["self", "a", "n45", "long"]) {
      const outcome = await sandbox.read(`c4/${name}`).catch((error: unknown) => error);
      if (outcome !== null) expect(SandboxError.isInstance(outcome)).toBe(true);
    }
    expect((await sandbox.ls("c4")).length).toBe(50);
    expect(await sandbox.remove("c4", { recursive: true })).toBe(true);
  });

  it("C5: a relative link within the workspace works", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir -p c5/real c5/links && echo x > c5/real/f && ln -s ../real c5/links/l",
    );
    expect(await textOf(sandbox, "c5/links/l/f")).toBe("x\n");
  });

  it("C6 reads: a directory that is swapped with a link gives one or the other", async () => {
    const { sandbox, canary } = bench;
    await sandbox.execute(
      "mkdir -p c6/d c6/e && echo inside > c6/d/f && echo other > c6/e/f && ln -s e c6/l",
    );
    const swapper = await sandbox.spawn("python3 -", { stdin: SWAPPER("c6/d", "c6/l") });
    for (let round = 0; round < 1000; round++) {
      const text = await textOf(sandbox, "c6/d/f");
      expect(["inside\n", "other\n"]).toContain(text);
      expect(text).not.toContain(canary);
    }
    await swapper.kill();
  });

  it("C6 writes: a swapped directory never leaves half a file or a temporary one", async () => {
    const { sandbox } = bench;
    await sandbox.execute("mkdir -p w6/d w6/e && ln -s e w6/l");
    const swapper = await sandbox.spawn("python3 -", { stdin: SWAPPER("w6/d", "w6/l") });
    for (let round = 0; round < 500; round++) {
      await sandbox.write("w6/d/f", `whole ${round}`).catch((error: unknown) => {
        if (!SandboxError.isInstance(error)) throw error;
      });
    }
    await swapper.kill();
    const left = (await sandbox.glob("**/*", { path: "w6", hidden: true })).files;
    for (const { name } of left) expect(["f", "l", "d"]).toContain(name);
    for (const { path, type } of left) {
      if (type === "file") expect(await textOf(sandbox, path)).toMatch(/^whole \d+$/);
    }
  });

  it("C7: links between the steps of a removal lead nowhere", async () => {
    const { sandbox } = bench;
    await sandbox.execute("mkdir -p keep7 && echo kept > keep7/f");
    for (let round = 0; round < 20; round++) {
      await sandbox.execute("mkdir -p c7/d/x && rm -f c7/l && ln -s ../keep7 c7/l");
      const swapper = await sandbox.spawn("python3 -", { stdin: SWAPPER("c7/d", "c7/l") });
      await sandbox.remove("c7/d", { recursive: true }).catch(() => false);
      await swapper.kill();
    }
    expect(await textOf(sandbox, "keep7/f")).toBe("kept\n");
  });

  it("C8: a write by one of two names of a file leaves the other", async () => {
    const { sandbox } = bench;
    await sandbox.execute("echo first > c8 && ln c8 c8-too");
    await sandbox.write("c8", "second");
    expect(await textOf(sandbox, "c8-too")).toBe("first\n");
  });

  it("C9: FIFOs block nobody", async () => {
    const { sandbox } = bench;
    await sandbox.execute("mkdir c9 && cd c9 && for n in $(seq 1 20); do mkfifo f$n; done");
    const reads = Array.from({ length: 20 }, (_, index) =>
      refusal(sandbox.read(`c9/f${index + 1}`)),
    );
    expect(new Set(await Promise.all(reads))).toEqual(new Set(["not-regular"]));
    expect((await sandbox.grep("x", { path: "c9" })).matches).toEqual([]);
    await buffer(await sandbox.archive("c9"));
    await expectUndisturbed(bench);
  });

  it("C10: what is no file is refused by every operation on files", async () => {
    const { sandbox } = bench;
    await python(
      sandbox,
      `import os, socket\nos.mkdir("/workspace/c10")\nsocket.socket(socket.AF_UNIX).bind("/workspace/c10/socket")\nos.mkfifo("/workspace/c10/fifo")\nos.symlink("/dev/full", "/workspace/c10/device")`,
    );
    for (const name of ["socket", "fifo", "device"]) {
      expect(await refusal(sandbox.read(`c10/${name}`))).toBe("not-regular");
      expect(await refusal(sandbox.readStream(`c10/${name}`))).toBe("not-regular");
      expect(await refusal(sandbox.edit(`c10/${name}`, "a", "b"))).toBe("not-regular");
    }
    expect(await refusal(sandbox.read("c10"))).toBe("is-directory");
  });

  it("C11: a file that grows while it is read is bounded", async () => {
    const { sandbox } = bench;
    await sandbox.write("c11", "start");
    const writer = await sandbox.spawn(
      "while :; do head -c 1000000 /dev/zero >> c11; truncate -s 5 c11; done",
    );
    for (let round = 0; round < 50; round++) {
      const bytes = await sandbox.read("c11").catch((error: unknown) => error);
      if (bytes instanceof Uint8Array) expect(bytes.length).toBeLessThanOrEqual(16 * 1024 ** 2);
      else expect(SandboxError.isInstance(bytes)).toBe(true);
    }
    await writer.kill();
  });

  it("C13: an archive of moving files, links and FIFOs ends and holds nothing of others", async () => {
    const { sandbox, hostFile, canary } = bench;
    await sandbox.execute(
      `mkdir -p c13/d && cd c13 && ln -s / root && ln -s ${hostFile} host && mkfifo fifo && for n in $(seq 1 200); do echo $n > d/$n; done`,
    );
    const mover = await sandbox.spawn(
      "cd c13; while :; do mv d e; rm -f e/1*; mv e d; for n in $(seq 1 50); do echo x > d/$n; done; done",
    );
    const tar = await buffer(await sandbox.archive("c13"));
    await mover.kill();
    expect(tar.includes(canary)).toBe(false);
    expect(tar.length % 512).toBe(0);
  });

  it("C14: an archive that wants out is unpacked inside, by the sandbox's user", async () => {
    const { sandbox, hostFile, canary } = bench;
    await python(
      sandbox,
      `import tarfile, io
with tarfile.open("/workspace/c14.tar", "w") as tar:
    for name in ["../../../../../../..${hostFile}", "/etc/evil", "ok"]:
        info = tarfile.TarInfo(name); info.size = 4; tar.addfile(info, io.BytesIO(b"evil"))
    link = tarfile.TarInfo("link"); link.type = tarfile.SYMTYPE; link.linkname = "/etc"; tar.addfile(link)
    device = tarfile.TarInfo("device"); device.type = tarfile.CHRTYPE; device.devmajor = 1; device.devminor = 5; tar.addfile(device)`,
    );
    await sandbox.execute("mkdir c14 && tar -xPf c14.tar -C c14");
    expect(await readFile(hostFile, "utf8")).toBe(canary);
    expect(await sandbox.stat("/etc/evil")).toBeNull();
    expect(await sandbox.stat("c14/device")).toBeNull();
  });

  it("C15 and C16: what is deleted with a user are the user's files alone", async () => {
    const { provider, hostFile, canary } = bench;
    const leaver = await provider.create("leaver");
    await leaver.execute(
      `ln -s ${hostFile} host; ln -s /workspace/../.. up; ln -s / root; echo x > own`,
    );
    await leaver.destroy();
    expect(await readFile(hostFile, "utf8")).toBe(canary);
    await expectUndisturbed(bench);
  });

  it("C17: configuration in a workspace is data to the host", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir -p .git && printf '[core]\\n\\tfsmonitor = touch /tmp/pwned\\n' > .git/config && echo 'script-shell=/bin/false' > .npmrc",
    );
    await buffer(await sandbox.archive("."));
    await sandbox.ls(".");
    await expect(readFile("/tmp/pwned")).rejects.toThrow("ENOENT");
    await expectUsable(sandbox);
  });

  it("C18: nothing can be mounted", async () => {
    const { stdout } = await bench.sandbox.execute(
      'python3 -c \'import ctypes, os; l = ctypes.CDLL(None, use_errno=True); print(l.mount(b"x", b"/workspace", b"tmpfs", 0, None), l.umount2(b"/tmp", 0), l.mount(None, b"/", None, 32 | 4096, None))\'',
    );
    expect(stdout).toBe("-1 -1 -1\n");
  });
});
