import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file of the host that no sandbox may show or change. */
export interface HostSecret extends AsyncDisposable {
  readonly directory: string;
  readonly file: string;
  readonly content: string;
  /** Names in the directory, and whether the file is as it was. */
  isUntouched(): Promise<boolean>;
}

export async function createHostSecret(): Promise<HostSecret> {
  const directory = await mkdtemp(join(tmpdir(), "conformance-secret-"));
  const file = join(directory, "secret.txt");
  const content = `host secret ${randomUUID()}`;
  await writeFile(file, content);
  return {
    directory,
    file,
    content,
    async isUntouched() {
      const names = await readdir(directory);
      return names.join() === "secret.txt" && (await readFile(file, "utf8")) === content;
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
