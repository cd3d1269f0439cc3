import { defineCommand, latin1FromBytes } from "just-bash";
import type { Command } from "just-bash";

const USAGE = "usage: node FILE [ARGUMENTS], or node -e CODE\n";

/**
 * `node`, as far as scripts and agents use it: a file, or code after `-e`. It runs in just-bash's
 * own JavaScript, which has files and the console but no npm packages.
 */
export function nodeCommand(): Command {
  return defineCommand("node", async ([first, ...rest], context) => {
    if (!context.exec || first === undefined) return { stdout: "", stderr: USAGE, exitCode: 2 };
    const args = [first === "-e" || first === "--eval" ? "-c" : first, ...rest];
    const stdin = latin1FromBytes(context.stdin);
    return context.exec("js-exec", { cwd: context.cwd, args, stdin, stdinKind: "bytes" });
  });
}
