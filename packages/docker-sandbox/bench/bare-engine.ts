import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
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

  /** Another one, which is removed after the time is taken. */
  async createAndStart(): Promise<void> {
    const container = await createAndStart(this.#docker, this.#image);
    void container.remove({ force: true });
  }

  async execute(...command: string[]): Promise<string> {
    const exec = await this.#container.exec({
      Cmd: command,
      User: "1000:1000",
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

  async write(name: string, content: Uint8Array): Promise<void> {
    const archive = pack();
    archive.entry({ name, size: content.length }, Buffer.from(content));
    archive.finalize();
    await this.#container.putArchive(await buffer(archive), { path: "/srv" });
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
