import process from "node:process";

type NodeSqlite = typeof import("node:sqlite");
type EmitWarning = typeof process.emitWarning;

/**
 * Node's own SQLite. Before 24.15, Node warns on the terminal of whoever loads it; what it warns of
 * is decided and tested here, so that this one warning, and no other, is left out.
 */
export function loadNodeSqlite(): NodeSqlite {
  const emitWarning = Reflect.get(process, "emitWarning") as EmitWarning;
  const emitOthers = (warning: string | Error, ...rest: unknown[]): void => {
    if (rest[0] === "ExperimentalWarning" && String(warning).startsWith("SQLite")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  process.emitWarning = emitOthers as EmitWarning;
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}
