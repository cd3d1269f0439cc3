import { expect } from "vitest";
import type { BehaviourGroup } from "./behaviour.ts";
import { ALL_BYTES, MEBIBYTE, expectBytes, noise } from "./bytes.ts";

export const executeStdinBehaviours: BehaviourGroup = {
  name: "execute: stdin",
  behaviours: {
    "ends at once where nothing is given": async ({ run }) => {
      expect((await run("cat; echo end")).stdout).toBe("end\n");
      expect((await run("read line; echo [$line]")).stdout).toBe("[]\n");
    },

    "ends at once where it is empty": async ({ run }) => {
      expect((await run("cat; echo end", { stdin: "" })).stdout).toBe("end\n");
      expect((await run("cat; echo end", { stdin: new Uint8Array() })).stdout).toBe("end\n");
    },

    "gives text": async ({ run }) => {
      expect((await run("cat", { stdin: "héllo\nno end" })).stdout).toBe("héllo\nno end");
      expect((await run("read a; read b; echo $b $a", { stdin: "1\n2\n3\n" })).stdout).toBe(
        "2 1\n",
      );
    },

    "gives every byte as it is": async ({ sandbox, path, run }) => {
      await run("cat > copy", { stdin: ALL_BYTES });
      expectBytes(await sandbox.read(path("copy")), ALL_BYTES);
    },

    "gives only the view of a larger buffer": async ({ run }) => {
      const buffer = new TextEncoder().encode("0123456789");
      expect((await run("cat", { stdin: buffer.subarray(2, 5) })).stdout).toBe("234");
    },

    "gives megabytes": async ({ sandbox, path, run }) => {
      const stdin = noise(8 * MEBIBYTE);
      await run("cat > copy", { stdin });
      expectBytes(await sandbox.read(path("copy")), stdin);
    },

    "may be left unread": async ({ run }) => {
      const stdin = new Uint8Array(8 * MEBIBYTE);
      expect((await run("echo done", { stdin })).stdout).toBe("done\n");
      expect((await run("head -c 3 > /dev/null; echo done", { stdin })).stdout).toBe("done\n");
    },

    "is the command's own and not the shell's": async ({ run }) => {
      const { stdout } = await run("cat; echo end", { stdin: "echo injected\nexit 3\n" });
      expect(stdout).toBe("echo injected\nexit 3\nend\n");
    },
  },
};
