import type { HostCheck, HostReport } from "./host-report.ts";

const STATUS_WIDTH = "warning".length;
const INDENT = " ".repeat(STATUS_WIDTH + 2);

/** Plain text for a terminal: a line for each check, its advice below it, and the verdict. */
export function formatReport({ usable, checks }: HostReport): string {
  const lines = checks.flatMap(formatCheck);
  const warnings = checks.filter(({ status }) => status === "warning").length;
  const missing = checks.filter(({ status }) => status === "missing").length;
  const verdict = usable
    ? `Sandboxes can run here${warnings > 0 ? `, with ${count(warnings, "warning")}` : ""}.`
    : `Sandboxes cannot run here: ${count(missing, "thing")} missing.`;
  return `${[...lines, "", verdict].join("\n")}\n`;
}

function formatCheck({ name, status, found, advice }: HostCheck): string[] {
  const line = `${status.padEnd(STATUS_WIDTH)}  ${name}: ${printable(found)}`;
  return advice === null ? [line] : [line, `${INDENT}→ ${printable(advice)}`];
}

// Some of it was said by an engine.
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, " ").trim();
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
