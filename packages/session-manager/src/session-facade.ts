import { SandboxError } from "@carrel/backend-protocol";
import type {
  Backend,
  FileEvent,
  ManagedSandbox,
  OperationOptions,
  Sandbox,
  TerminalOptions,
} from "@carrel/backend-protocol";
import { heldConnection, heldProcess, heldStream } from "./held-work.ts";
import type { SessionAccess } from "./session-access.ts";

/**
 * The sandbox of a session as its tools see it: an object of its own, without the methods that
 * pause, stop or delete, whose calls go to whatever sandbox the session has at that moment. It has
 * the optional members that `sample` has.
 */
export function createSessionFacade(access: SessionAccess, sample: Sandbox): Sandbox {
  const { repeatable } = callsOf(access);
  return {
    get id() {
      return access.sandbox.id;
    },
    get workDir() {
      return access.sandbox.workDir;
    },
    ...filesOf(access),
    ...processesOf(access),
    ...(sample.watch && {
      watch: (path: string, options?: OperationOptions) => heldWatch(access, path, options),
    }),
    ...(sample.openTerminal && {
      openTerminal: (options: TerminalOptions) =>
        repeatable(async (sandbox) => {
          const terminal = await member(sandbox, "openTerminal").call(sandbox, options);
          const release = access.hold();
          void terminal.closed.then(release, release);
          return terminal;
        }, options),
    }),
    ...(sample.connect && {
      connect: (port: number, options?: OperationOptions) =>
        repeatable(
          async (sandbox) =>
            heldConnection(
              await member(sandbox, "connect").call(sandbox, port, options),
              access.hold(),
            ),
          options,
        ),
    }),
  };
}

type Call<T> = (sandbox: ManagedSandbox) => Promise<T>;
type CallOf = <T>(call: Call<T>, options: OperationOptions | undefined) => Promise<T>;

function callsOf(access: SessionAccess): { repeatable: CallOf; once: CallOf } {
  return {
    repeatable: (call, options) => access.call(call, { signal: options?.signal, repeatable: true }),
    once: (call, options) => access.call(call, { signal: options?.signal, repeatable: false }),
  };
}

function filesOf(access: SessionAccess): Omit<Backend, "watch"> {
  const { repeatable, once } = callsOf(access);
  return {
    stat: (path, options) => repeatable((sandbox) => sandbox.stat(path, options), options),
    ls: (path, options) => repeatable((sandbox) => sandbox.ls(path, options), options),
    read: (path, options) => repeatable((sandbox) => sandbox.read(path, options), options),
    readLines: (path, options) =>
      repeatable((sandbox) => sandbox.readLines(path, options), options),
    write: (path, content, options) => {
      const bytes = typeof content === "string" || content instanceof Uint8Array;
      const sameAgain = bytes && options?.ifHash === undefined;
      const call: Call<Awaited<ReturnType<Sandbox["write"]>>> = (sandbox) =>
        sandbox.write(path, content, options);
      return sameAgain ? repeatable(call, options) : once(call, options);
    },
    edit: (path, oldText, newText, options) =>
      once((sandbox) => sandbox.edit(path, oldText, newText, options), options),
    remove: (path, options) => once((sandbox) => sandbox.remove(path, options), options),
    move: (from, to, options) => once((sandbox) => sandbox.move(from, to, options), options),
    mkdir: (path, options) => repeatable((sandbox) => sandbox.mkdir(path, options), options),
    glob: (pattern, options) => repeatable((sandbox) => sandbox.glob(pattern, options), options),
    grep: (pattern, options) => repeatable((sandbox) => sandbox.grep(pattern, options), options),
    readStream: (path, options) =>
      repeatable(
        async (sandbox) =>
          heldStream(await sandbox.readStream(path, options), access.hold(), options),
        options,
      ),
    archive: (path, options) =>
      repeatable(
        async (sandbox) => heldStream(await sandbox.archive(path, options), access.hold(), options),
        options,
      ),
  };
}

function processesOf(
  access: SessionAccess,
): Pick<Sandbox, "execute" | "spawn" | "processes" | "attach"> {
  const { repeatable } = callsOf(access);
  return {
    // By contract an error of these two means that the command did not start.
    execute: (command, options) =>
      repeatable((sandbox) => sandbox.execute(command, options), options),
    spawn: (command, options) =>
      repeatable(
        async (sandbox) => heldProcess(await sandbox.spawn(command, options), access.hold()),
        options,
      ),
    processes: (options) => repeatable((sandbox) => sandbox.processes(options), options),
    attach: (processId, options) =>
      repeatable(
        async (sandbox) => heldProcess(await sandbox.attach(processId, options), access.hold()),
        options,
      ),
  };
}

async function* heldWatch(
  access: SessionAccess,
  path: string,
  options: OperationOptions | undefined,
): AsyncGenerator<FileEvent, void> {
  const release = access.hold();
  try {
    // Not repeatable, so that the sandbox is known to run before it is watched: its own errors come
    // only with the first event.
    const events = await access.call(
      async (sandbox) => member(sandbox, "watch").call(sandbox, path, options),
      { signal: options?.signal, repeatable: false },
    );
    yield* events;
  } finally {
    release();
  }
}

function member<Name extends "watch" | "openTerminal" | "connect">(
  sandbox: Sandbox,
  name: Name,
): NonNullable<Sandbox[Name]> {
  const method = sandbox[name];
  if (method) return method;
  throw new SandboxError({
    code: "unsupported",
    message: `The sandbox that took the place of the earlier one has no ${name}.`,
  });
}
