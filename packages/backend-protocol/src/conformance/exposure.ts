import type { Sandbox } from "../sandbox.ts";
import { collectStream } from "./bytes.ts";

/**
 * All that a sandbox gives out about a path, by every method and by commands, as one text. Methods
 * may refuse: what they give otherwise counts.
 */
export async function exposedText(sandbox: Sandbox, path: string): Promise<string> {
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  const attempts: Promise<unknown>[] = [
    sandbox.read(path).then((bytes) => decode(bytes)),
    sandbox.readLines(path),
    sandbox.readStream(path).then(collectStream).then(decode),
    sandbox.archive(path).then(collectStream).then(decode),
    sandbox.grep("secret", { path, hidden: true }),
    sandbox.edit(path, "host secret", "edited"),
    sandbox.execute(
      `cat ${quoted}; cat < ${quoted}; cp ${quoted} stolen && cat stolen; rm -f stolen`,
    ),
  ];
  const results = await Promise.allSettled(attempts);
  return results.map((r) => (r.status === "fulfilled" ? JSON.stringify(r.value) : "")).join("\n");
}

function decode(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString("latin1");
}
