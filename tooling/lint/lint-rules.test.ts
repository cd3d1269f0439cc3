import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * Code that breaks a rule is planted in a copy of the repository's layout, and the linter run over
 * it with the repository's configuration.
 */
const ROOT = join(import.meta.dirname, "../..");
const CONFIGURATION = ["oxlint.config.ts", "tooling/lint/boundaries.ts", "tsconfig.base.json"];
const LINKED = ["oxlint", ".bin", "@types"];

const REFUSED: Record<string, { path: string; code: string; complaint: RegExp }> = {
  "the protocol imports a provider": {
    path: "packages/backend-protocol/src/provider.ts",
    code: `import { x } from "@carrel/embedded-sandbox";`,
    complaint: /imports no workspace package/,
  },
  "a test of the protocol imports a provider": {
    path: "packages/backend-protocol/src/provider.test.ts",
    code: `import { x } from "@carrel/embedded-sandbox";`,
    complaint: /imports no workspace package/,
  },
  "a provider imports the session manager": {
    path: "packages/embedded-sandbox/src/manager.ts",
    code: `import { x } from "@carrel/session-manager";`,
    complaint: /A provider knows the protocol only/,
  },
  "a test of a provider imports the toolset": {
    path: "packages/embedded-sandbox/src/manager.test.ts",
    code: `import { x } from "@carrel/console-toolset";`,
    complaint: /A provider knows the protocol only/,
  },
  "the session manager imports the toolset": {
    path: "packages/session-manager/src/toolset.ts",
    code: `import { x } from "@carrel/console-toolset";`,
    complaint: /apps\/server composes/,
  },
  "the session manager imports a provider": {
    path: "packages/session-manager/src/provider.ts",
    code: `import type { x } from "@carrel/embedded-sandbox";`,
    complaint: /apps\/server composes/,
  },
  "the session manager imports the store that stands on it": {
    path: "packages/session-manager/src/store.ts",
    code: `import { x } from "@carrel/session-store";`,
    complaint: /apps\/server composes/,
  },
  "the store of sessions imports a provider": {
    path: "packages/session-store/src/provider.ts",
    code: `import { x } from "@carrel/embedded-sandbox";`,
    complaint: /stands on the manager's port/,
  },
  "the toolset imports the session manager": {
    path: "packages/console-toolset/src/manager.ts",
    code: `export { x } from "@carrel/session-manager";`,
    complaint: /apps\/server composes/,
  },
  "the toolset loads a provider at run time": {
    path: "packages/console-toolset/src/dynamic.ts",
    code: `const x: unknown = await import("@carrel/embedded-sandbox");`,
    complaint: /apps\/server composes/,
  },
  "a test of the toolset imports the session manager": {
    path: "packages/console-toolset/src/manager.test.ts",
    code: `import { x } from "@carrel/session-manager";`,
    complaint: /the embedded sandbox as their double/,
  },
  "the page imports code of the server": {
    path: "apps/web/src/code.ts",
    code: `import { x } from "@carrel/server";`,
    complaint: /takes types from the server/,
  },
  "the page re-exports code of the server": {
    path: "apps/web/src/export.ts",
    code: `export { x } from "@carrel/server";`,
    complaint: /takes types from the server/,
  },
  "the page loads code of the server at run time": {
    path: "apps/web/src/dynamic.ts",
    code: `const x: unknown = await import("@carrel/server");`,
    complaint: /takes types from the server/,
  },
  "the page has an import of the server that stays when its types are gone": {
    path: "apps/web/src/side-effect.ts",
    code: `import { type X } from "@carrel/server"; export type Y = X;`,
    complaint: /side.effect/i,
  },
  "the page imports a type of another package": {
    path: "apps/web/src/type.ts",
    code: `import type { X } from "@carrel/session-manager";`,
    complaint: /The page knows the server only/,
  },
  "the server imports the fault harness": {
    path: "apps/server/src/harness.ts",
    code: `import { x } from "@carrel/fault-harness";`,
    complaint: /nothing imports it/,
  },
  "the fault harness imports the server": {
    path: "packages/fault-harness/src/server.ts",
    code: `import { x } from "@carrel/server";`,
    complaint: /what stands below the server/,
  },
  "the server imports a file inside a package": {
    path: "apps/server/src/inside.ts",
    code: `import { x } from "@carrel/session-manager/src/session-manager.ts";`,
    complaint: /Import what the package exports/,
  },
  "the server imports a file by a path into a package": {
    path: "apps/server/src/http/path.ts",
    code: `import { x } from "../../../../packages/session-manager/src/session-manager.ts";`,
    complaint: /Import another package by its name/,
  },
  "the page imports a file by a path into the server": {
    path: "apps/web/src/path.ts",
    code: `import type { X } from "../../server/src/wire/x.ts";`,
    complaint: /Import another package by its name/,
  },
  "a package reads the environment": {
    path: "packages/session-manager/src/environment.ts",
    code: `export const home = process.env["HOME"];`,
    complaint: /process\.env/,
  },
  "a file of the server that is not its program reads the environment": {
    path: "apps/server/src/http/environment.ts",
    code: `export const home = process.env["HOME"];`,
    complaint: /process\.env/,
  },
  "two files import each other": {
    path: "packages/session-manager/src/cycle-a.ts",
    code: `import { b } from "./cycle-b.ts"; export const a = (): unknown => b;`,
    complaint: /[Cc]ycle/,
  },
  "a promise is left floating": {
    path: "packages/session-manager/src/floating.ts",
    code: `export function start(): void { Promise.resolve(); }`,
    complaint: /Promises must be awaited/,
  },
  "a value is any": {
    path: "packages/session-manager/src/unsafe.ts",
    code: `export const length: number = JSON.parse("[]").length;`,
    complaint: /Unsafe/,
  },
};

const ALLOWED: Record<string, { path: string; code: string }> = {
  "the protocol imports a library": {
    path: "packages/backend-protocol/src/library.ts",
    code: `import { x } from "vitest";`,
  },
  "a provider imports the protocol, and its conformance suite": {
    path: "packages/embedded-sandbox/src/protocol.test.ts",
    code: `import { x } from "@carrel/backend-protocol"; import { y } from "@carrel/backend-protocol/conformance";`,
  },
  "the store of sessions imports the manager's port, and its conformance suite": {
    path: "packages/session-store/src/port.test.ts",
    code: `import { x } from "@carrel/session-manager"; import { y } from "@carrel/session-manager/store-conformance";`,
  },
  "a test imports the embedded sandbox as its double": {
    path: "packages/session-manager/src/double.test.ts",
    code: `import { x } from "@carrel/embedded-sandbox";`,
  },
  "a double of the tests imports the embedded sandbox": {
    path: "packages/console-toolset/src/testing/double.ts",
    code: `import { x } from "@carrel/embedded-sandbox";`,
  },
  "the server imports any package": {
    path: "apps/server/src/compose.ts",
    code: `import { x } from "@carrel/session-manager"; import { y } from "@carrel/embedded-sandbox";`,
  },
  "the fault harness imports what it breaks": {
    path: "packages/fault-harness/src/broken.ts",
    code: `import { x } from "@carrel/session-manager"; import { y } from "@carrel/docker-sandbox";`,
  },
  "the page imports a type of the server": {
    path: "apps/web/src/server-type.ts",
    code: `import type { X } from "@carrel/server"; export type Y = X;`,
  },
  "a file imports its own package by path": {
    path: "packages/session-manager/test/own.test.ts",
    code: `import { x } from "../src/own.ts";`,
  },
  "the server's program reads the environment": {
    path: "apps/server/src/main.ts",
    code: `export const home = process.env["HOME"];`,
  },
};

interface Diagnostic {
  filename: string;
  message: string;
  code: string;
  help?: string;
}

let directory = "";
let diagnostics: Diagnostic[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "carrel-lint-"));
  for (const file of CONFIGURATION) await cp(join(ROOT, file), join(directory, file));
  await mkdir(join(directory, "node_modules"));
  for (const name of LINKED) {
    await symlink(join(ROOT, "node_modules", name), join(directory, "node_modules", name));
  }
  await plant("tsconfig.json", JSON.stringify({ extends: "./tsconfig.base.json" }));
  await plant("packages/session-manager/src/cycle-b.ts", `export { a as b } from "./cycle-a.ts";`);
  for (const { path, code } of [...Object.values(REFUSED), ...Object.values(ALLOWED)]) {
    await plant(path, code);
  }
  diagnostics = await lint();
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function plant(path: string, code: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), code);
}

async function lint(): Promise<Diagnostic[]> {
  const program = join(ROOT, "node_modules/oxlint/bin/oxlint");
  const output = await new Promise<string>((resolve) => {
    const args = [program, "--format=json", "packages", "apps"];
    execFile(process.execPath, args, { cwd: directory }, (_error, stdout) => resolve(stdout));
  });
  return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
}

function complaintsAbout(path: string): string {
  return diagnostics
    .filter(({ filename, code }) => filename === path && !code.includes("no-unused-vars"))
    .map(({ message, help, code }) => `${code} ${message} ${help ?? ""}`)
    .join("\n");
}

describe("the linter refuses that", () => {
  test.each(Object.entries(REFUSED))("%s", (_name, { path, complaint }) => {
    expect(complaintsAbout(path)).toMatch(complaint);
  });
});

describe("the linter allows that", () => {
  test.each(Object.entries(ALLOWED))("%s", (_name, { path }) => {
    expect(complaintsAbout(path)).toBe("");
  });
});
