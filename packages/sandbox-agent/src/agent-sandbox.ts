import type { Duplex } from "node:stream";
import {
  DEFAULT_READ_LINES,
  DEFAULT_SEARCH_LIMIT,
  DEFAULT_SEARCH_TIMEOUT_MS,
  MAX_READ_BYTES,
  MAX_READ_LINES_BYTES,
  MAX_SEARCH_LIMIT,
  SandboxError,
  checkCommand,
  collectProcess,
  pathToBytes,
  requireWholeNumber,
  resolveSandboxPath,
} from "@carrel/backend-protocol";
import type {
  AttachOptions,
  EditOptions,
  EditResult,
  ExecuteOptions,
  ExecuteResult,
  FileContent,
  FileEvent,
  FileInfo,
  GlobOptions,
  GlobResult,
  GrepOptions,
  GrepResult,
  LineRange,
  MoveOptions,
  OperationOptions,
  ProcessInfo,
  ReadLinesOptions,
  ReadOptions,
  RemoveOptions,
  Sandbox,
  SpawnOptions,
  TerminalHandle,
  TerminalOptions,
  WriteOptions,
  WriteResult,
} from "@carrel/backend-protocol";
import { AgentChannel } from "./agent-channel.ts";
import type { AgentChannelOptions } from "./agent-channel.ts";
import { AgentProcess } from "./agent-process.ts";
import { AgentTerminal } from "./agent-terminal.ts";
import { ask, parseAnswer, parseBody, withAbort } from "./ask.ts";
import type { Answered, Question } from "./ask.ts";
import { download } from "./byte-stream.ts";
import { connectLoopback } from "./loopback-connection.ts";
import {
  diskUsageSchema,
  editedSchema,
  emptySchema,
  fileEventSchema,
  fileInfosSchema,
  foundSchema,
  grepSchema,
  lineRangeSchema,
  processesSchema,
  removedSchema,
  statSchema,
  truncatedSchema,
  writtenSchema,
} from "./wire.ts";
import type { DiskUsage } from "./wire.ts";

const MAX_MODE = 0o7777;
/** What a search may take beyond its own time before it counts as stuck. */
const SEARCH_MARGIN_MS = 10_000;

export interface AgentSandboxOptions extends AgentChannelOptions {
  id: string;
  workDir: string;
}

/**
 * A sandbox as its agent does it, over any duplex byte stream. It connects with the first call, and
 * again with the next one after the stream broke.
 */
export class AgentSandbox implements Required<Sandbox>, AsyncDisposable {
  readonly id: string;
  readonly workDir: string;
  readonly #channel: AgentChannel;

  constructor({ id, workDir, ...channel }: AgentSandboxOptions) {
    this.id = id;
    this.workDir = workDir;
    this.#channel = new AgentChannel(channel);
  }

  async stat(path: string, { signal }: OperationOptions = {}): Promise<FileInfo | null> {
    const parameters = { path: this.#resolve(path) };
    const { answer } = await this.#look({ method: "stat", parameters, answer: statSchema, signal });
    return answer.info;
  }

  async ls(path: string, { signal }: OperationOptions = {}): Promise<FileInfo[]> {
    const parameters = { path: this.#resolve(path) };
    const { body } = await this.#look({ method: "ls", parameters, answer: emptySchema, signal });
    return parseBody(fileInfosSchema, body);
  }

  async read(path: string, options: ReadOptions = {}): Promise<Uint8Array | null> {
    const { offset = 0, limit, signal } = options;
    requireWholeNumber("offset", offset, { minimum: 0 });
    if (limit !== undefined) requireWholeNumber("limit", limit, { minimum: 0 });
    const parameters = { path: this.#resolve(path), offset, limit: limit ?? null };
    const bounds = { maxBodyBytes: MAX_READ_BYTES, signal };
    const question = { method: "read", parameters, answer: foundSchema, ...bounds };
    const { answer, body } = await this.#look(question);
    return answer.found ? new Uint8Array(body) : null;
  }

  async readLines(path: string, options: ReadLinesOptions = {}): Promise<LineRange | null> {
    const { offset = 0, limit = DEFAULT_READ_LINES, signal } = options;
    requireWholeNumber("offset", offset, { minimum: 0 });
    requireWholeNumber("limit", limit, { minimum: 1 });
    const parameters = { path: this.#resolve(path), offset, limit };
    // The range ends with the line that passes the bound.
    const bounds = { maxBodyBytes: 2 * MAX_READ_LINES_BYTES, signal };
    const question = { method: "readLines", parameters, answer: lineRangeSchema, ...bounds };
    const { answer, body } = await this.#look(question);
    const { found, lines, ...range } = answer;
    if (!found) return null;
    return { ...range, lines: lines === 0 ? [] : body.toString("utf8").split("\n") };
  }

  async write(
    path: string,
    content: FileContent,
    { ifHash, mode, signal }: WriteOptions = {},
  ): Promise<WriteResult> {
    if (mode !== undefined) requireWholeNumber("mode", mode, { minimum: 0, maximum: MAX_MODE });
    const resolved = this.#resolve(path);
    const parameters = { path: resolved, mode, ifHash };
    const question = { method: "write", parameters, answer: writtenSchema, body: content, signal };
    const { answer } = await ask(this.#channel, question);
    return { path: resolved, ...answer };
  }

  async edit(
    path: string,
    oldText: string,
    newText: string,
    { replaceAll = false, ifHash, signal }: EditOptions = {},
  ): Promise<EditResult> {
    if (oldText === "") {
      throw new SandboxError({
        code: "invalid-argument",
        message: "oldText must not be empty; to write a whole file use write.",
      });
    }
    const resolved = this.#resolve(path);
    const [before, after] = [Buffer.from(oldText, "utf8"), Buffer.from(newText, "utf8")];
    const sizes = { oldBytes: before.length, newBytes: after.length };
    const parameters = { path: resolved, ...sizes, replaceAll, ifHash };
    const body = Buffer.concat([before, after]);
    const question = { method: "edit", parameters, answer: editedSchema, body, signal };
    const { answer } = await ask(this.#channel, question);
    return { path: resolved, ...answer };
  }

  async remove(path: string, { recursive = false, signal }: RemoveOptions = {}): Promise<boolean> {
    const resolved = this.#resolve(path);
    if (resolved === "/" || resolved === this.workDir) {
      throw new SandboxError({
        code: "invalid-path",
        message: `${resolved} is the sandbox's own and cannot be removed; remove what is in it.`,
      });
    }
    const parameters = { path: resolved, recursive };
    const question = { method: "remove", parameters, answer: removedSchema, signal };
    return (await ask(this.#channel, question)).answer.removed;
  }

  async move(
    from: string,
    to: string,
    { overwrite = false, signal }: MoveOptions = {},
  ): Promise<void> {
    const parameters = { from: this.#resolve(from), to: this.#resolve(to), overwrite };
    await ask(this.#channel, { method: "move", parameters, answer: emptySchema, signal });
  }

  async mkdir(path: string, { signal }: OperationOptions = {}): Promise<void> {
    const parameters = { path: this.#resolve(path) };
    await ask(this.#channel, { method: "mkdir", parameters, answer: emptySchema, signal });
  }

  async glob(pattern: string, options: GlobOptions = {}): Promise<GlobResult> {
    const { timeoutMs = DEFAULT_SEARCH_TIMEOUT_MS, hidden = false, signal } = options;
    const parameters = { pattern, hidden, ...this.#searchBounds(options) };
    const silenceMs = timeoutMs + SEARCH_MARGIN_MS;
    const question = { method: "glob", parameters, answer: truncatedSchema, silenceMs, signal };
    const { answer, body } = await this.#look(question);
    return { files: parseBody(fileInfosSchema, body), ...answer };
  }

  async grep(pattern: string, options: GrepOptions = {}): Promise<GrepResult> {
    const { timeoutMs = DEFAULT_SEARCH_TIMEOUT_MS, glob, signal } = options;
    const { literal = false, ignoreCase = false, hidden = false } = options;
    const flags = { literal, ignoreCase, hidden };
    const parameters = { pattern, glob, ...flags, ...this.#searchBounds(options) };
    const silenceMs = timeoutMs + SEARCH_MARGIN_MS;
    const question = { method: "grep", parameters, answer: truncatedSchema, silenceMs, signal };
    const { answer, body } = await this.#look(question);
    const matches = parseBody(grepSchema, body).map((match) => ({
      ...match,
      text: Buffer.from(pathToBytes(match.text)).toString("utf8"),
    }));
    return { matches, ...answer };
  }

  async readStream(
    path: string,
    { signal }: OperationOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return download(this.#channel, { method: "readStream", path: this.#resolve(path), signal });
  }

  async archive(
    path: string,
    { signal }: OperationOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return download(this.#channel, { method: "archive", path: this.#resolve(path), signal });
  }

  async *watch(path: string, { signal }: OperationOptions = {}): AsyncGenerator<FileEvent, void> {
    const parameters = { path: this.#resolve(path) };
    const request = { method: "watch", parameters, kind: "long", silenceMs: null, signal } as const;
    const { call, leave } = await this.#channel.begin(request);
    try {
      for (;;) {
        const item = await withAbort(call, signal, () => call.next());
        if (item === null) return;
        yield parseAnswer(fileEventSchema, JSON.parse(item.payload.toString("utf8")));
      }
    } finally {
      call.cancel();
      leave();
    }
  }

  async execute(command: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    return collectProcess(await this.spawn(command, options));
  }

  async spawn(command: string, options: SpawnOptions = {}): Promise<AgentProcess> {
    const { stdin, ...checked } = checkCommand(command, options);
    const { cwd = this.workDir, signal } = options;
    const parameters = {
      ...checked,
      command,
      cwd: this.#resolve(cwd),
      stdin: stdin === "open" || stdin.length > 0,
      open: stdin === "open",
    };
    const request = { method: "spawn", parameters, kind: "long", silenceMs: null, signal } as const;
    const begun = await this.#channel.begin(request);
    if (stdin !== "open") void begun.call.write(stdin).then(() => begun.call.end());
    const { maxOutputBytes, timeoutMs } = checked;
    const rest = { channel: this.#channel, begun, after: 0, maxOutputBytes, timeoutMs };
    const process = await withAbort(begun.call, signal, () => AgentProcess.begin(rest));
    killOnAbort(process, signal);
    return process;
  }

  async processes({ signal }: OperationOptions = {}): Promise<ProcessInfo[]> {
    const question = { method: "processes", parameters: {}, answer: emptySchema, signal };
    return parseBody(processesSchema, (await this.#look(question)).body);
  }

  async attach(processId: string, options: AttachOptions = {}): Promise<AgentProcess> {
    const { after = 0, signal } = options;
    requireWholeNumber("after", after, { minimum: 0 });
    const parameters = { id: processId, after: Math.min(after, 2 ** 32 - 1) };
    const request = {
      method: "attach",
      parameters,
      kind: "long",
      silenceMs: null,
      signal,
    } as const;
    const begun = await this.#channel.begin(request);
    const rest = { channel: this.#channel, begun, after };
    return withAbort(begun.call, signal, () => AgentProcess.begin(rest));
  }

  async openTerminal(options: TerminalOptions): Promise<TerminalHandle> {
    const cwd = this.#resolve(options.cwd ?? this.workDir);
    return AgentTerminal.open(this.#channel, { ...options, cwd });
  }

  async connect(port: number, options: OperationOptions = {}): Promise<Duplex> {
    return connectLoopback(this.#channel, port, options);
  }

  /** What these files and directories take on disk, as far as it can be told in the time. */
  async diskUsage(
    paths: readonly string[],
    { timeoutMs, signal }: OperationOptions & { timeoutMs: number },
  ): Promise<DiskUsage> {
    const parameters = { paths: paths.map((path) => this.#resolve(path)), timeoutMs };
    const silenceMs = timeoutMs + SEARCH_MARGIN_MS;
    const question = {
      method: "diskUsage",
      parameters,
      answer: diskUsageSchema,
      silenceMs,
      signal,
    };
    return (await this.#look(question)).answer;
  }

  /** The sandbox is frozen: count no time against it until {@link wake}. */
  suspend(): void {
    this.#channel.suspend();
  }

  wake(): void {
    this.#channel.wake();
  }

  /**
   * The sandbox stopped: calls fail with this error, and processes that cannot be reached again are
   * `lost`. A later call connects anew.
   */
  end(error: SandboxError): void {
    this.#channel.end(error);
  }

  /** Close the connection. The sandbox runs on. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#channel[Symbol.asyncDispose]();
  }

  #resolve(path: string): string {
    return resolveSandboxPath(this.workDir, path);
  }

  /** Ask something that changes nothing. */
  #look<Answer>(question: Question<Answer>): Promise<Answered<Answer>> {
    return ask(this.#channel, { ...question, repeatable: true });
  }

  #searchBounds({
    path = this.workDir,
    limit = DEFAULT_SEARCH_LIMIT,
    ...rest
  }: GlobOptions): object {
    const { timeoutMs = DEFAULT_SEARCH_TIMEOUT_MS } = rest;
    requireWholeNumber("limit", limit, { minimum: 1 });
    requireWholeNumber("timeoutMs", timeoutMs, { minimum: 1 });
    return { path: this.#resolve(path), limit: Math.min(limit, MAX_SEARCH_LIMIT), timeoutMs };
  }
}

function killOnAbort(process: AgentProcess, signal: AbortSignal | undefined): void {
  if (!signal) return;
  // Where the kill fails the process is out of reach, and its result tells so.
  const onAbort = (): void => void process.kill().catch(() => undefined);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  void process.result.then(() => signal.removeEventListener("abort", onAbort));
}
