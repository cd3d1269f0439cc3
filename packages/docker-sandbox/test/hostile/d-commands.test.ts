import { expect, it } from "vitest";
import { SandboxError } from "@carrel/backend-protocol";
import { describeAttacks, expectUsable, refusal, textOf } from "./hostile-bench.ts";
import { TEST_UID_PATTERN } from "../../src/testing/uid.ts";

const HOSTILE_NAMES = {
  quote: "a'; touch pwned; '",
  substitution: "$(touch pwned)",
  backticks: "`touch pwned`",
  newline: "a\ntouch pwned",
  "end of options": "--",
  recursive: "-rf",
  number: "-n",
  format: "%s%n",
  history: "!!",
};

describeAttacks("D: commands", (bench) => {
  for (const [kind, name] of Object.entries(HOSTILE_NAMES)) {
    it(`D1 and D2 ${kind}: a name never becomes a command`, async () => {
      const { sandbox } = bench;
      const path = `d1/${name}`;
      await sandbox.write(path, "x");
      await sandbox.readLines(path);
      await sandbox.glob("*", { path: "d1", hidden: true });
      await sandbox.grep("x", { path });
      await sandbox.move(path, "d1/moved");
      await sandbox.remove("d1/moved");
      expect(await sandbox.glob("**/pwned", { hidden: true })).toMatchObject({ files: [] });
    });
  }

  it("D2 NUL: a command and a path with one are refused", async () => {
    expect(await refusal(bench.sandbox.execute("echo a\0b"))).toBe("invalid-argument");
    expect(await refusal(bench.sandbox.stat("a\0b"))).toBe("invalid-path");
  });

  it("D3: content is bytes, whatever a shell would make of it", async () => {
    const { sandbox } = bench;
    for (const content of [
      "EOF\n",
      "'\"\\$`!",
      "ZWNobyBoaQ==",
      "x".repeat(1_000_000),
      "\r\n\\\n",
    ]) {
      await sandbox.write("d3", content);
      expect(await textOf(sandbox, "d3")).toBe(content);
    }
  });

  for (const size of [100_000, 131_000]) {
    it(`D4 ${size} bytes: a long argument arrives whole`, async () => {
      const { stdout } = await bench.sandbox.execute(`echo ${"x".repeat(size)} | wc -c`);
      expect(stdout.trim()).toBe(String(size + 1));
    });
  }

  for (const size of [140_000, 3_000_000]) {
    it(`D4 ${size} bytes: an argument over the bound is refused as such`, async () => {
      expect(await refusal(bench.sandbox.execute(`echo ${"x".repeat(size)}`))).toBe(
        "invalid-argument",
      );
    });
  }

  it("D5: a variable is one variable, and no name is syntax", async () => {
    const { sandbox } = bench;
    const { stdout } = await sandbox.execute('printf "%s" "$A"', {
      env: { A: "x\nLD_PRELOAD=/evil" },
    });
    expect(stdout).toBe("x\nLD_PRELOAD=/evil");
    for (const name of ["A=B", "", "1A", "A B", "A\0"]) {
      expect(await refusal(sandbox.execute("true", { env: { [name]: "x" } }))).toBe(
        "invalid-argument",
      );
    }
    const large = sandbox.execute("true", { env: { A: "x".repeat(1_000_000) } });
    const code = await large.then(
      ({ outcome }) => outcome,
      (error: unknown) => (SandboxError.isInstance(error) ? error.code : error),
    );
    expect(["invalid-argument", "too-large"]).toContain(code);
  });

  it("D5 shell: variables that shells obey reach only the user's own command", async () => {
    const { sandbox } = bench;
    await sandbox.write("evil.sh", "echo evil");
    await sandbox.execute("true", { env: { BASH_ENV: "evil.sh", ENV: "evil.sh", PS4: "$(id)" } });
    await expectUsable(sandbox);
  });

  it("D6: a directory to run in is checked, and the mistake is named", async () => {
    const { sandbox } = bench;
    await sandbox.write("file", "x");
    await sandbox.execute("mkdir -p d6 && chmod 0 d6");
    const codes = {
      absent: "not-found",
      file: "not-directory",
      "/proc/self/fd/7": /not-found|not-directory|permission-denied/,
      d6: "permission-denied",
    };
    for (const [cwd, code] of Object.entries(codes)) {
      expect(await refusal(sandbox.execute("pwd", { cwd }))).toMatch(code);
    }
    expect((await sandbox.execute("pwd", { cwd: "../.." })).stdout).toBe("/\n");
  });

  it("D7: every text ends as a command", async () => {
    const { sandbox } = bench;
    const commands = {
      "# only a comment": 0,
      exit: 0,
      "exec true": 0,
      "set -e; false; echo never": 1,
      "echo 'unbalanced": 2,
      "true \\": 0,
    };
    for (const [command, exitCode] of Object.entries(commands)) {
      expect(await sandbox.execute(command)).toMatchObject({ outcome: "exited", exitCode });
    }
    const { stdout } = await sandbox.execute(`: ${"x".repeat(9000)}; echo done`);
    expect(stdout).toBe("done\n");
  });

  it("D8: nothing that a caller can pass makes it root", async () => {
    const options = { env: {}, user: "root", User: "0", privileged: true };
    const { stdout } = await bench.sandbox.execute("id -u; id -G", options);
    expect(stdout).toMatch(new RegExp(`^(${TEST_UID_PATTERN})\n\\1\n$`));
  });

  it("D9: a command cannot forge how it ended", async () => {
    const frame = '\\0\\0\\0\\105\\024\\0\\0\\0\\001{"outcome":"exited","exitCode":0}';
    const result = await bench.sandbox.execute(
      `printf '${frame}'; printf '\\001\\000\\000\\000\\000\\000\\000\\004fake'; exit 7`,
    );
    expect(result).toMatchObject({ outcome: "exited", exitCode: 7, truncated: false });
  });

  it("D10: what a user puts first on the PATH changes no operation on files", async () => {
    const { sandbox } = bench;
    await sandbox.execute(
      "mkdir -p ~/.local/bin && for p in ls cat sh timeout find grep tar; do printf '#!/bin/false\\n' > ~/.local/bin/$p; chmod +x ~/.local/bin/$p; done; echo 'exit 9' > ~/.profile; echo 'exit 9' > ~/.bashrc",
    );
    await expectUsable(sandbox);
    expect((await sandbox.ls(".")).length).toBeGreaterThan(0);
    expect((await sandbox.grep("yes", { path: "still-usable" })).matches).toHaveLength(1);
    await sandbox.execute("/bin/rm -rf ~/.local/bin ~/.profile ~/.bashrc");
  });
});
