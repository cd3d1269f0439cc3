import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The packages as users get them: packed, unpacked into a project, and used by a plain Node. */
const PACKAGES_DIR = join(import.meta.dirname, "../../packages");
const run = promisify(execFile);

interface Manifest {
  name: string;
  /** It is not published. */
  private?: boolean;
  files?: string[];
  exports: Record<string, unknown>;
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

interface PackedPackage {
  manifest: Manifest;
  source: string;
  installed: string;
}

const project = await mkdtemp(join(tmpdir(), "carrel-packed-"));
const packages = (await Promise.all((await readdir(PACKAGES_DIR)).map(describePackage))).filter(
  ({ manifest }) => manifest.private !== true,
);

beforeAll(async () => {
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  for (const each of packages) await install(each);
}, 120_000);
afterAll(() => rm(project, { recursive: true, force: true }));

async function describePackage(folder: string): Promise<PackedPackage> {
  const source = join(PACKAGES_DIR, folder);
  const manifest = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as Manifest;
  return { manifest, source, installed: join(project, "node_modules", manifest.name) };
}

async function install({ manifest, source, installed }: PackedPackage): Promise<void> {
  const tarball = join(project, `${manifest.name.replace("/", "-")}.tgz`);
  await run("pnpm", ["pack", "--out", tarball], { cwd: source });
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  const libraries = { ...manifest.dependencies, ...manifest.peerDependencies };
  for (const library of Object.keys(libraries).filter((name) => !name.startsWith("@carrel/"))) {
    const place = join(installed, "node_modules", library);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(source, "node_modules", library), place);
  }
}

async function runInProject(code: string): Promise<string> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = ["--input-type=module", "--eval", code];
  return (await run(process.execPath, args, { cwd: project, env })).stdout;
}

describe.each(packages)("$manifest.name", ({ manifest, installed }) => {
  test("has nothing that publint complains about", async () => {
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test("depends on versions, not on the workspace", async () => {
    const packed = await readFile(join(installed, "package.json"), "utf8");
    expect(packed).not.toMatch(/workspace:|catalog:/);
  });

  test.each(Object.keys(manifest.exports))(
    "can be imported at %s by a plain Node",
    async (path) => {
      const name = `${manifest.name}${path.slice(1)}`;
      const code = `console.log(Object.keys(await import("${name}")).length, import.meta.resolve("${name}"));`;
      const printed = await runInProject(code);
      expect(printed).toMatch(/^[1-9]\d* file:/);
      expect(printed).toMatch(/\/dist\/.*\.js$/m);
    },
  );
});

test("the packed embedded sandbox finds its worker threads", async () => {
  const printed = await runInProject(`
    import { createEmbeddedProvider } from "@carrel/embedded-sandbox";
    const provider = createEmbeddedProvider({ root: "./workspaces" });
    const sandbox = await provider.create("alice");
    const { stdout } = await sandbox.execute("echo hello");
    await provider[Symbol.asyncDispose]();
    console.log(stdout.trim());
  `);
  expect(printed).toBe("hello\n");
});
