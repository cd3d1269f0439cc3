import type { Duplex } from "node:stream";
import {
  DEFAULT_READ_LINES,
  DEFAULT_SEARCH_LIMIT,
  DEFAULT_SEARCH_TIMEOUT_MS,
  MAX_LIST_ENTRIES,
  MAX_READ_BYTES,
  MAX_READ_LINES_BYTES,
  MAX_SEARCH_LIMIT,
  SandboxError,
  checkCommand,
  checkGlobPattern,
  checkGrepPattern,
  checkListOptions,
  collectProcess,
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
  ListOptions,
  MemoryBudget,
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
import { AgentProcess, killOnAbort } from "./agent-process.ts";
import { AgentTerminal } from "./agent-terminal.ts";
import { LASTS, WAITS_FOR_EVENTS, abandonOnAbort, ask, askList, giveUp } from "./ask.ts";
import type { Answered, Question } from "./ask.ts";
import { download } from "./byte-stream.ts";
import { connectLoopback } from "./loopback-connection.ts";
import { sendBody } from "./send-body.ts";
import { requirePage } from "./list-page.ts";
import type { ListBounds } from "./wire-list.ts";
import {
  diskUsageSchema,
  editedSchema,
  emptySchema,
  fileEventSchema,
  fileInfoSchema,
  foundSchema,
  grepMatchSchema,
  lineRangeSchema,
  processInfoSchema,
  readJson,
  removedSchema,
  statSchema,
  truncatedSchema,
  wrongAnswer,
  writtenSchema,
} from "./wire.ts";
import type { DiskUsage } from "./wire.ts";

const MAX_MODE = 0o7777;
/** More than a kernel lets run by default; that many have ended is not kept. */
const MAX_PROCESSES = 32_768 + 100;
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

  async ls(path: string, options: ListOptions = {}): Promise<FileInfo[]> {
    const page = checkListOptions(options);
    const { limit, after, signal } = options;
    const parameters = { path: this.#resolve(path), limit, after };
    const question = { method: "ls", parameters, answer: emptySchema, signal };
    const bounds = { element: fileInfoSchema, maxElements: limit ?? MAX_LIST_ENTRIES };
    return requirePage((await this.#list(question, bounds)).body, page);
  }

  async read(path: string, options: ReadOptions = {}): Promise<Uint8Array | null> {
    const { offset = 0, limit, signal } = options;
    requireWholeNumber("offset", offset, { minimum: 0 });
    if (limit !== undefined) requireWholeNumber("limit", limit, { minimum: 0 });
    const parameters = { path: this.#resolve(path), offset, limit: limit ?? null };
    const maxBodyBytes = Math.min(limit ?? MAX_READ_BYTES, MAX_READ_BYTES);
    const bounds = { maxBodyBytes, signal };
    const question = { method: "read", parameters, answer: foundSchema, ...bounds };
    const { answer, body } = await this.#look(question);
    return answer.found ? body : null;
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
    const { found, lines: count, ...range } = answer;
    if (!found) return null;
    if (count > limit) throw wrongAnswer(new Error(`${count} lines, of ${limit}`));
    const lines =
      count === 0 ? [] : new TextDecoder("utf-8", { ignoreBOM: true }).decode(body).split("\n");
    if (lines.length !== count) {
      throw wrongAnswer(new Error(`${lines.length} lines, said to be ${count}`));
    }
    return { ...range, lines };
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
    const { hidden = false, signal } = options;
    checkGlobPattern(pattern);
    const { limit, totalMs, ...where } = this.#searchBounds(options);
    const parameters = { pattern, hidden, limit, ...where };
    const question = { method: "glob", parameters, answer: truncatedSchema, totalMs, signal };
    const bounds = { element: fileInfoSchema, maxElements: limit };
    const { answer, body: files } = await this.#list(question, bounds);
    return { files, ...answer };
  }

  async grep(pattern: string, options: GrepOptions = {}): Promise<GrepResult> {
    const { glob, literal = false, ignoreCase = false, hidden = false, signal } = options;
    checkGrepPattern(pattern);
    if (glob !== undefined) checkGlobPattern(glob);
    const { limit, totalMs, ...where } = this.#searchBounds(options);
    const parameters = { pattern, glob, literal, ignoreCase, hidden, limit, ...where };
    const question = { method: "grep", parameters, answer: truncatedSchema, totalMs, signal };
    const bounds = { element: grepMatchSchema, maxElements: limit };
    const { answer, body: matches } = await this.#list(question, bounds);
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
    const request = { method: "watch", parameters, limits: WAITS_FOR_EVENTS, signal };
    const { call, leave } = await this.#channel.begin({ ...request, kind: "long" });
    const release = abandonOnAbort(call, signal);
    try {
      for (let item = await call.next(); item !== null; item = await call.next()) {
        if (item.type !== "event") throw wrongAnswer(new Error("bytes amid events"));
        yield readJson(fileEventSchema, item.payload);
      }
    } finally {
      release();
      giveUp(call, new Error("nobody watches any more"));
      leave();
    }
  }

  async execute(command: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    return collectProcess(await this.spawn(command, options), { memory: this.#channel.memory });
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
    const { maxOutputBytes, timeoutMs } = checked;
    const request = { method: "spawn", parameters, limits: LASTS, signal };
    const begun = await this.#channel.begin({ ...request, kind: "long", joins: false });
    if (stdin !== "open") void sendBody(begun.call, stdin);
    const followed = { channel: this.#channel, after: 0, timeoutMs, maxOutputBytes, signal };
    const process = await AgentProcess.begin(begun, followed);
    killOnAbort(process, signal);
    return process;
  }

  async processes({ signal }: OperationOptions = {}): Promise<ProcessInfo[]> {
    const question = { method: "processes", parameters: {}, answer: emptySchema, signal };
    const bounds = { element: processInfoSchema, maxElements: MAX_PROCESSES };
    return (await this.#list(question, bounds)).body;
  }

  async attach(processId: string, options: AttachOptions = {}): Promise<AgentProcess> {
    const { after = 0, signal } = options;
    requireWholeNumber("after", after, { minimum: 0 });
    const parameters = { id: processId, after: Math.min(after, 2 ** 32 - 1) };
    const request = { method: "attach", parameters, limits: LASTS, signal };
    const begun = await this.#channel.begin({ ...request, kind: "long", joins: false });
    return AgentProcess.begin(begun, { channel: this.#channel, after, signal });
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
    const totalMs = timeoutMs + SEARCH_MARGIN_MS;
    const question = { method: "diskUsage", parameters, answer: diskUsageSchema, totalMs, signal };
    return (await this.#look(question)).answer;
  }

  /** Counts what it holds from now on in this budget too, unless it counts in another one already. */
  countIn(memory: MemoryBudget | undefined): this {
    this.#channel.countIn(memory);
    return this;
  }

  /** The sandbox is frozen: count no time against it until {@link wake}. */
  suspend(): void {
    this.#channel.suspend();
  }

  wake(): void {
    this.#channel.wake();
  }

  /**
   * Ask the agent for a sign of life, without making a connection and also while it is suspended. Resolves
   * when one comes, which may be never.
   */
  signOfLife(): Promise<void> {
    return this.#channel.signOfLife();
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

  /** Asks for a list, and once more if the connection breaks. */
  #list<Answer, Value>(
    question: Question<Answer>,
    bounds: ListBounds<Value>,
  ): Promise<Answered<Answer, Value[]>> {
    return askList(this.#channel, { ...question, repeatable: true }, bounds);
  }

  #searchBounds({
    path = this.workDir,
    limit = DEFAULT_SEARCH_LIMIT,
    timeoutMs = DEFAULT_SEARCH_TIMEOUT_MS,
  }: GlobOptions): { path: string; limit: number; timeoutMs: number; totalMs: number } {
    requireWholeNumber("limit", limit, { minimum: 1 });
    requireWholeNumber("timeoutMs", timeoutMs, { minimum: 1 });
    return {
      path: this.#resolve(path),
      limit: Math.min(limit, MAX_SEARCH_LIMIT),
      timeoutMs,
      totalMs: timeoutMs + SEARCH_MARGIN_MS,
    };
  }
}
