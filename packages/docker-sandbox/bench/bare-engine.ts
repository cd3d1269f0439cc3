import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import Docker from "dockerode";
import type { Container } from "dockerode";
import { extract, pack } from "tar-stream";

/**
 * What one does without Carrel: a container that sleeps, `exec` for each command, the archive routes
 * for files. The same image and limits as the sandbox beside it, and no hardening that could cost time.
 */
export class BareEngine implements AsyncDisposable {
  readonly #docker: Docker;
  readonly #image: string;
  readonly #container: Container;

  private constructor(docker: Docker, image: string, container: Container) {
    this.#docker = docker;
    this.#image = image;
    this.#container = container;
  }

  static async start(image: string): Promise<BareEngine> {
    const docker = new Docker();
    return new BareEngine(docker, image, await createAndStart(docker, image));
  }

  /** Another one. @returns what removes it */
  async createAndStart(): Promise<() => Promise<unknown>> {
    const container = await createAndStart(this.#docker, this.#image);
    return () => container.remove({ force: true });
  }

  async execute(...command: string[]): Promise<string> {
    const exec = await this.#container.exec({
      Cmd: command,
      User: "61000:61000",
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: false });
    const output = new PassThrough();
    this.#docker.modem.demuxStream(stream, output, output);
    const chunks: Buffer[] = [];
    output.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "end");
    const { ExitCode } = await exec.inspect();
    if (ExitCode !== 0) throw new Error(`${command.join(" ")}: exit code ${ExitCode}`);
    return Buffer.concat(chunks).toString();
  }

  async write(name: string, size: number, content: Iterable<Uint8Array>): Promise<void> {
    const archive = pack();
    const entry = archive.entry({ name, size });
    const written = pipeline(content, entry).then(() => archive.finalize());
    const body = archive.pipe(new PassThrough());
    await Promise.all([written, this.#container.putArchive(body, { path: "/srv" })]);
  }

  /** The number of bytes that came: they are not kept. */
  async read(name: string): Promise<number> {
    const entries = extract();
    let size = 0;
    entries.on("entry", (_header, stream, next) => {
      stream.on("data", (chunk) => (size += (chunk as Buffer).length));
      stream.on("end", next);
    });
    const archive = await this.#container.getArchive({ path: `/srv/${name}` });
    archive.pipe(entries);
    await once(entries, "finish");
    return size;
  }

  /** Of the container with a label, as the engine names it. */
  async findContainer(label: string): Promise<string> {
    const found = await this.#docker.listContainers({ filters: { label: [label] } });
    if (found.length !== 1) throw new Error(`${found.length} containers have the label ${label}`);
    return found[0]?.Id ?? "";
  }

  async rename(name: string): Promise<void> {
    await this.#container.rename({ name });
  }

  async pause(): Promise<void> {
    await this.#container.pause();
  }

  async unpause(): Promise<void> {
    await this.#container.unpause();
  }

  async stop(): Promise<void> {
    await this.#container.stop({ t: 0 });
  }

  async resume(): Promise<void> {
    await this.#container.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container.remove({ force: true });
  }
}

async function createAndStart(docker: Docker, image: string): Promise<Container> {
  const container = await docker.createContainer({
    name: `carrel-bench-${randomUUID()}`,
    Image: image,
    Cmd: ["sleep", "infinity"],
    HostConfig: {
      NetworkMode: "none",
      Memory: 1024 ** 3,
      MemorySwap: 1024 ** 3,
      NanoCpus: 1e9,
      PidsLimit: 256,
      LogConfig: { Type: "none", Config: {} },
    },
  });
  await container.start();
  return container;
}
