import type { ManagedSandbox } from "./managed-sandbox.ts";
import type { Sandbox } from "./sandbox.ts";

/**
 * The view of a sandbox that tools may have: a separate object without the methods that pause,
 * stop or delete it, so that they are absent at run time too.
 */
export function narrowSandbox(managed: ManagedSandbox): Sandbox {
  return {
    id: managed.id,
    workDir: managed.workDir,
    stat: (path, options) => managed.stat(path, options),
    ls: (path, options) => managed.ls(path, options),
    read: (path, options) => managed.read(path, options),
    readLines: (path, options) => managed.readLines(path, options),
    write: (path, content, options) => managed.write(path, content, options),
    edit: (path, oldText, newText, options) => managed.edit(path, oldText, newText, options),
    remove: (path, options) => managed.remove(path, options),
    move: (from, to, options) => managed.move(from, to, options),
    mkdir: (path, options) => managed.mkdir(path, options),
    glob: (pattern, options) => managed.glob(pattern, options),
    grep: (pattern, options) => managed.grep(pattern, options),
    readStream: (path, options) => managed.readStream(path, options),
    archive: (path, options) => managed.archive(path, options),
    execute: (command, options) => managed.execute(command, options),
    spawn: (command, options) => managed.spawn(command, options),
    processes: (options) => managed.processes(options),
    attach: (processId, options) => managed.attach(processId, options),
    ...(managed.watch && { watch: managed.watch.bind(managed) }),
    ...(managed.openTerminal && { openTerminal: managed.openTerminal.bind(managed) }),
    ...(managed.connect && { connect: managed.connect.bind(managed) }),
  };
}
