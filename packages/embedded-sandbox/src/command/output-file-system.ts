import { InMemoryFs } from "just-bash";

export const STDOUT_NAME = "stdout";
export const STDERR_NAME = "stderr";

type Sink = (stream: "stdout" | "stderr", data: Uint8Array) => void;

/** A file system whose two files are the streams of the command: what is appended is sent on. */
export class OutputFileSystem extends InMemoryFs {
  readonly #sink: Sink;

  constructor(sink: Sink) {
    super();
    this.#sink = sink;
  }

  override async appendFile(...[path, content, options]: WriteArguments): Promise<void> {
    const encoding = typeof options === "string" ? options : options?.encoding;
    const data =
      typeof content === "string"
        ? Buffer.from(content, encoding === "binary" ? "latin1" : (encoding ?? "utf8"))
        : content;
    if (data.length > 0) this.#sink(path.endsWith(STDERR_NAME) ? "stderr" : "stdout", data);
  }

  override async writeFile(...arguments_: WriteArguments): Promise<void> {
    await this.appendFile(...arguments_);
  }
}

type WriteArguments = Parameters<InMemoryFs["appendFile"]>;
