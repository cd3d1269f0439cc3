import { expect } from "vitest";
import type { Behaviour, BehaviourGroup } from "./behaviour.ts";
import { expectBytes } from "./bytes.ts";
import type { TestBench } from "./test-bench.ts";

/** Names that some layer may take for something else. */
const NAMES: Readonly<Record<string, string>> = {
  "with spaces around and within": "  a  b  ",
  "with a line break": "first\nsecond",
  "with a carriage return and a tab": "a\r\tb",
  "with quotes": 'it\'s "quoted" `so`',
  "with shell syntax": "$(touch pwned); `id` && x | y > z & #!",
  "with a variable": "$HOME",
  "with a tilde": "~",
  "with a leading dash": "-rf",
  "that is an option": "--help",
  "with backslashes": "back\\slash\\n\\",
  "with wildcards": "*?[a-z]{b,c}!",
  "with an unclosed class": "[abc",
  "with percent signs": "%2e%2e%2f %s%n",
  "with colons": "C:\\x:1:2",
  "that is a URL": "file:",
  "with dots": "...",
  "with control characters": "\u0001\u001b[31m\u007f",
  "in other scripts": "日本語 עברית ñ",
  "with an emoji of several characters": "👩‍👩‍👧‍👦",
  "with a character that turns the direction": "a\u202eb",
  "of 255 bytes": "é".repeat(127) + "x",
  "that is not UTF-8": "latin-\udce9-\udcff\udcfe",
  "with a cut character": "cut-\udce6\udc97",
};

async function expectRoundTrip(bench: TestBench, name: string): Promise<void> {
  const { sandbox, directory, path, text } = bench;
  const file = path(name);
  expect((await sandbox.write(file, "needle one\n")).path).toBe(file);
  expect(await sandbox.stat(file)).toMatchObject({ path: file, name, type: "file", sizeBytes: 11 });
  expect((await sandbox.ls(directory)).map((entry) => [entry.name, entry.path])).toEqual([
    [name, file],
  ]);
  await sandbox.edit(file, "one", "two");
  expect(await text(name)).toBe("needle two\n");
  expect((await sandbox.readLines(file))?.lines).toEqual(["needle two"]);
  const globbed = await sandbox.glob("*", { path: directory, hidden: true });
  expect(globbed.files.map((entry) => entry.path)).toEqual([file]);
  const grepped = await sandbox.grep("needle", { path: directory, hidden: true });
  expect(grepped.matches).toEqual([{ path: file, line: 1, text: "needle two" }]);
  await sandbox.move(file, path(`folder/${name}/${name}`));
  expect(await text(`folder/${name}/${name}`)).toBe("needle two\n");
  expect((await sandbox.ls(path("folder"))).map((entry) => entry.name)).toEqual([name]);
  expect(await sandbox.remove(path(`folder/${name}`), { recursive: true })).toBe(true);
  expect(await sandbox.ls(path("folder"))).toEqual([]);
  expect((await sandbox.ls(directory)).map((entry) => entry.name)).toEqual(["folder"]);
}

const roundTrips = Object.fromEntries(
  Object.entries(NAMES).map(([what, name]): [string, Behaviour] => [
    `takes a name ${what} through every method`,
    (bench) => expectRoundTrip(bench, name),
  ]),
);

export const nameBehaviours: BehaviourGroup = {
  name: "names",
  behaviours: {
    ...roundTrips,

    "are the same for commands": async ({ sandbox, path, run }) => {
      const names = ["-rf", "a b", "$HOME", "~", "it's", 'q"q', "a\nb", "日本語"];
      for (const name of names) await sandbox.write(path(name), "x");
      const listed = await run("for f in *; do printf '%s|' \"$f\"; done");
      expect(listed.stdout.split("|").slice(0, -1).toSorted()).toEqual(names.toSorted());
    },

    "are the same for commands where they are not UTF-8": async (bench) => {
      const { sandbox, directory, path, run, text } = bench;
      await sandbox.write(path("given-\udcff"), "one");
      await run("ls > ../listing-$$ && mv ../listing-$$ listing");
      expectBytes(
        await sandbox.read(path("listing")),
        Buffer.from([...Buffer.from("given-"), 0xff, 0x0a]),
      );
      await sandbox.remove(path("listing"));
      await run("printf two > \"$(printf 'made-\\377')\"");
      expect((await sandbox.ls(directory)).map(({ name }) => name)).toEqual([
        "given-\udcff",
        "made-\udcff",
      ]);
      expect(await text("made-\udcff")).toBe("two");
    },

    "tell upper from lower case": async ({ sandbox, path, text }) => {
      await sandbox.write(path("File"), "upper");
      await sandbox.write(path("file"), "lower");
      expect(await text("File")).toBe("upper");
      expect(await text("file")).toBe("lower");
    },

    "tell composed from decomposed characters": async ({ sandbox, path, text }) => {
      await sandbox.write(path("\u00e9"), "composed");
      await sandbox.write(path("e\u0301"), "decomposed");
      expect(await text("\u00e9")).toBe("composed");
      expect(await text("e\u0301")).toBe("decomposed");
    },
  },
};
