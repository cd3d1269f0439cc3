import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("loading SQLite prints no warning, and hides none that others give", async () => {
  const module = join(import.meta.dirname, "node-sqlite.ts");
  const program = `
    const { loadNodeSqlite } = await import(${JSON.stringify(module)});
    new (loadNodeSqlite().DatabaseSync)(":memory:").close();
    process.emitWarning("of another experiment", "ExperimentalWarning");`;
  const args = ["--input-type=module", "--eval", program];
  const { stderr } = await promisify(execFile)(process.execPath, args);
  expect(stderr).not.toContain("SQLite");
  expect(stderr).toContain("of another experiment");
});
