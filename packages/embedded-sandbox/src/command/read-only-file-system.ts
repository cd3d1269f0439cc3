import { InMemoryFs } from "just-bash";

const NULL_DEVICE = "/dev/null";

/** The root of the sandbox: what is not mounted cannot be written, since it would not last. */
export class ReadOnlyFileSystem extends InMemoryFs {
  constructor() {
    super({ [NULL_DEVICE]: "" });
  }

  override appendFile(path: string): Promise<void> {
    return discard(path);
  }
  override chmod(path: string): Promise<void> {
    return refuse(path);
  }
  override cp(_from: string, to: string): Promise<void> {
    return refuse(to);
  }
  override link(_existing: string, path: string): Promise<void> {
    return refuse(path);
  }
  override mkdir(path: string): Promise<void> {
    return refuse(path);
  }
  override mv(_from: string, to: string): Promise<void> {
    return refuse(to);
  }
  override rm(path: string): Promise<void> {
    return refuse(path);
  }
  override symlink(_target: string, path: string): Promise<void> {
    return refuse(path);
  }
  override utimes(path: string): Promise<void> {
    return refuse(path);
  }
  override writeFile(path: string): Promise<void> {
    return discard(path);
  }
}

function discard(path: string): Promise<void> {
  return path === NULL_DEVICE ? Promise.resolve() : refuse(path);
}

function refuse(path: string): Promise<never> {
  return Promise.reject(new Error(`EROFS: read-only file system, '${path}'`));
}
