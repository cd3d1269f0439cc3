import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp } from "./support/test-app.ts";

const MARKER = "canary-of-a-deleted-conversation";
const SOON = { timeout: 20_000, interval: 100 };

let folder: string;
let dataDir: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "carrel-rest-"));
  dataDir = join(folder, "data");
});
afterEach(() => rm(folder, { recursive: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

async function filesWith(text: string): Promise<string[]> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const found = await Promise.all(
    files.map(async ({ parentPath, name }) =>
      (await readFile(join(parentPath, name)).catch(() => Buffer.alloc(0))).includes(text)
        ? [name]
        : [],
    ),
  );
  return found.flat();
}

describe("a conversation that is deleted", () => {
  it("its text: is in no file of the data folder within seconds, while the server runs", async () => {
    await using app = await startTestApp({ dataDir });
    const [session, other] = [await app.createSession("alice"), await app.createSession("bob")];
    await app.chat(other, "what stays");
    for (let turn = 1; turn <= 3; turn++) await app.chat(session, `${MARKER} ${turn}`);
    expect(await filesWith(MARKER)).not.toEqual([]);
    await app.request(`/sessions/${session}`, { method: "DELETE" });
    await expect.poll(() => filesWith(MARKER), SOON).toEqual([]);
    await expect.poll(() => filesWith("what stays"), SOON).toEqual(["carrel.db"]);
  });
});

describe("the data folder", { skip: process.platform === "win32" }, () => {
  it("open to others: is closed to them, and so are the files in it", async () => {
    {
      await using app = await startTestApp({ dataDir });
      await app.createSession();
    }
    await writeFile(join(dataDir, "installation-file"), "secret");
    for (const path of [dataDir, join(dataDir, "workspaces")]) await chmod(path, 0o755);
    for (const name of ["carrel.db", "installation-file"]) await chmod(join(dataDir, name), 0o644);
    await using app = await startTestApp({ dataDir });
    expect(await modeOf(dataDir)).toBe(0o700);
    expect(await modeOf(join(dataDir, "workspaces"))).toBe(0o700);
    const entries = await readdir(dataDir, { withFileTypes: true });
    for (const { name } of entries.filter((entry) => entry.isFile())) {
      expect([name, await modeOf(join(dataDir, name))]).toEqual([name, 0o600]);
    }
    expect(app.logLines.join("")).toContain("closed to them");
  });

  it("empty and open to others: is closed to them", async () => {
    await mkdir(dataDir, { mode: 0o755 });
    await chmod(dataDir, 0o777);
    await using _app = await startTestApp({ dataDir });
    expect(await modeOf(dataDir)).toBe(0o700);
  });

  it("a link to a folder: the folder is closed, not the link", async () => {
    const target = join(folder, "elsewhere");
    await mkdir(target);
    await chmod(target, 0o755);
    await symlink(target, dataDir);
    await using _app = await startTestApp({ dataDir });
    expect(await modeOf(target)).toBe(0o700);
  });

  it.each([
    ["holds what is not Carrel's", 0o755, "notes.txt"],
    ["is one that everybody shares", 0o1777, ".lock"],
  ])("that %s and is open to others: is refused and stays as it is", async (_, mode, name) => {
    await mkdir(dataDir);
    await writeFile(join(dataDir, name), "");
    await chmod(dataDir, mode);
    await expect(startTestApp({ dataDir })).rejects.toThrow(
      new RegExp(`CARREL_DATA_DIR: ${dataDir} has mode ${mode.toString(8)}.*chmod 700`),
    );
    expect(await modeOf(dataDir)).toBe(mode);
    expect(await readdir(dataDir)).toEqual([name]);
  });

  it("a file: is refused with the variable's name", async () => {
    await writeFile(dataDir, "");
    await expect(startTestApp({ dataDir })).rejects.toThrow(/CARREL_DATA_DIR is .* cannot be made/);
  });
});
