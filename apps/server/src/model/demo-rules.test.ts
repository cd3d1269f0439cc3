import { describe, expect, it } from "vitest";
import { planDemo } from "./demo-rules.ts";

describe("the demo's rules", () => {
  it.each([
    ["Create a hello world script and run it", ["write_file", "execute"]],
    ["please create a Hello, World program!", ["write_file", "execute"]],
  ])("write and run a script for %j", (message, names) => {
    expect(planDemo(message)?.calls.map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ["list files", "ls", {}],
    ["List files.", "ls", {}],
    ["list my files", "ls", {}],
    ["List all my files.", "ls", {}],
    ["show my files", "ls", {}],
    ["list my files in src", "ls", { path: "src" }],
    ["ls", "ls", {}],
    ["ls src", "ls", { path: "src" }],
    ["list the files in src/lib", "ls", { path: "src/lib" }],
    ["read notes.txt", "read_file", { path: "notes.txt" }],
    ["show 'notes.txt'", "read_file", { path: "notes.txt" }],
    [
      "write Good morning to notes.txt",
      "write_file",
      { path: "notes.txt", content: "Good morning\n" },
    ],
    [
      'write "to be or not to be" to a/b.txt',
      "write_file",
      { path: "a/b.txt", content: "to be or not to be\n" },
    ],
    ["create a.txt with one\ntwo", "write_file", { path: "a.txt", content: "one\ntwo\n" }],
    [
      "replace morning with evening in notes.txt",
      "edit_file",
      { path: "notes.txt", old_string: "morning", new_string: "evening" },
    ],
    ['replace "a b" with "" in x', "edit_file", { path: "x", old_string: "a b", new_string: "" }],
    ["run ls -la /", "execute", { command: "ls -la /" }],
    ["run hello.py", "execute", { command: "python3 hello.py" }],
    ["Execute `echo 'a b'`", "execute", { command: "echo 'a b'" }],
    ["$ echo hi", "execute", { command: "echo hi" }],
    ["What does `uname -a` say?", "execute", { command: "uname -a" }],
    ["How are you?", null, {}],
    ["", null, {}],
    ["runner beans", null, {}],
    ["lsof", null, {}],
    ["write me a poem", null, {}],
    ["replace the battery", null, {}],
    ["``", null, {}],
  ])("take %j as %s %j", (message, name, args) => {
    const plan = planDemo(message);
    if (name === null) expect(plan).toBeNull();
    else expect(plan?.calls).toEqual([{ name, args }]);
  });

  it.each([
    ["spaces", " ".repeat(100_000)],
    ["a command of spaces", `run ${" ".repeat(100_000)}x`],
    ["backticks", "`".repeat(100_000)],
    ["words", "with in to ".repeat(10_000)],
    ["a replacement of words", `replace ${"with in ".repeat(12_000)}`],
    ["hello and more", `${"hello".repeat(20_000)} world`],
    ["half characters", "\ud800".repeat(50_000)],
  ])("are quick with a long message of %s", (_, message) => {
    const start = performance.now();
    planDemo(message);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
