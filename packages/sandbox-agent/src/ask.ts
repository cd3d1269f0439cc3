import { MemoryMeter, SandboxError, abortedError } from "@carrel/backend-protocol";
import type { FileContent, LoopShare } from "@carrel/backend-protocol";
import type { z } from "zod";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import type { Call, CallLimits } from "./call.ts";
import { WINDOW_BYTES } from "./connection.ts";
import { Inbox } from "./inbox.ts";
import { sendBody } from "./send-body.ts";
import { ListReader } from "./wire-list.ts";
import type { ListBounds } from "./wire-list.ts";
import { readAnswer, readJson, wrongAnswer } from "./wire.ts";

/** How long an agent may be silent about files where nothing else is said. */
export const SILENCE_MS = 60_000;
/** How long a call may take that ends by itself, whatever it is about. */
const TOTAL_MS = 10 * 60_000;
/** The longest list that is read: one of 100,000 entries has less. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** A call that gives no sign but what happens, as a `watch` does. */
export const WAITS_FOR_EVENTS: CallLimits = { startMs: null, silenceMs: null };
/** A call that tells when it has begun, and then lasts as long as it lasts. */
export const LASTS: CallLimits = { startMs: SILENCE_MS, silenceMs: null };

export interface Question<Answer> {
  method: string;
  parameters: object;
  /** What the result must be like. */
  answer: z.ZodType<Answer>;
  body?: FileContent | undefined;
  /**
   * How long it may take, also in silence. @default 10 minutes, but no silence of more than
   * {@link SILENCE_MS}; where its body is a stream as long as that takes
   */
  totalMs?: number;
  /** @default 0: its answer has no body */
  maxBodyBytes?: number;
  signal?: AbortSignal | undefined;
  /** It changes nothing: where the connection breaks it may be asked once more. */
  repeatable?: boolean;
}

export interface Answered<Answer, Body = Uint8Array> {
  answer: Answer;
  body: Body;
}

/** One call that ends by itself, with all that it gives. @throws SandboxError */
export function ask<Answer>(
  channel: AgentChannel,
  question: Question<Answer>,
): Promise<Answered<Answer>> {
  return askFor(channel, question, (received) => receiveBody(received, question.maxBodyBytes ?? 0));
}

/** Does what {@link ask} does; the body is a list, which is read while it comes. @throws SandboxError */
export function askList<Answer, Value>(
  channel: AgentChannel,
  question: Question<Answer>,
  bounds: ListBounds<Value>,
): Promise<Answered<Answer, Value[]>> {
  return askFor(channel, question, (received) => receiveList(received, bounds));
}

async function askFor<Answer, Body>(
  channel: AgentChannel,
  question: Question<Answer>,
  receive: Receive<Body>,
): Promise<Answered<Answer, Body>> {
  const { method, parameters, signal, body } = question;
  const kind = body instanceof ReadableStream ? "long" : "short";
  const limits = limitsOf(question);
  const { endings } = channel;
  const { call, leave } = await channel.begin({ method, parameters, kind, limits, signal });
  try {
    return await withAbort(call, signal, () => exchange(channel, { call, question, receive }));
  } catch (error) {
    const brokeByItself = call.broken && channel.endings === endings;
    if (!brokeByItself || !question.repeatable) throw error;
  } finally {
    leave();
  }
  return askFor(channel, { ...question, repeatable: false }, receive);
}

function limitsOf({ totalMs, body }: Question<unknown>): CallLimits {
  if (totalMs !== undefined) return { ...WAITS_FOR_EVENTS, totalMs };
  const silence = { startMs: null, silenceMs: SILENCE_MS };
  // Whoever feeds a stream decides how long that takes.
  return body instanceof ReadableStream ? silence : { ...silence, totalMs: TOTAL_MS };
}

/** Do something with a call; where the signal fires, the call is cancelled and fails. */
async function withAbort<Value>(
  call: Call,
  signal: AbortSignal | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  const release = abandonOnAbort(call, signal);
  try {
    return await work();
  } finally {
    release();
  }
}

/** Give a call up once the signal fires, until the function that this returns is called. */
export function abandonOnAbort(call: Call, signal: AbortSignal | undefined): () => void {
  if (!signal) return () => undefined;
  const onAbort = (): void => call.abandon(abortedError(signal));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

/**
 * The event by which a call tells that it has begun. Where none comes the call is given up.
 * @throws SandboxError
 */
export async function beginning<Value>(
  { call, leave }: BegunCall,
  schema: z.ZodType<Value>,
  signal?: AbortSignal,
): Promise<Value> {
  try {
    const item = await withAbort(call, signal, () => call.next());
    if (item?.type !== "event") throw wrongAnswer(new Error("a call that did not begin"));
    return readJson(schema, item.payload);
  } catch (error) {
    giveUp(call, error);
    leave();
    throw error;
  }
}

/** Give up a call for a reason that was found in what came of it. */
export function giveUp(call: Call, error: unknown): void {
  call.abandon(SandboxError.isInstance(error) ? error : wrongAnswer(error));
}

interface Exchange<Answer, Body> {
  call: Call;
  question: Question<Answer>;
  receive: Receive<Body>;
}

async function exchange<Answer, Body>(
  channel: AgentChannel,
  { call, question, receive }: Exchange<Answer, Body>,
): Promise<Answered<Answer, Body>> {
  const { answer, body, signal } = question;
  using memory = new MemoryMeter(channel.memory, (error) => call.abandon(error));
  const enterLarge = (): Promise<() => void> =>
    call.waitOutside(channel.largeAnswers.enter(signal));
  // Where the sending fails it fails the call, and with it the receiving.
  if (body !== undefined) void sendBody(call, body);
  try {
    const received = await receive({ call, memory, enterLarge });
    const result = readAnswer(answer, await call.result);
    // The agent may have ended the call before that.
    if (memory.failure) throw memory.failure;
    return { answer: result, body: received };
  } catch (error) {
    giveUp(call, error);
    throw error;
  }
}

/** What receives the body of an answer. */
type Receive<Body> = (received: Received) => Promise<Body>;

interface Received {
  call: Call;
  /** Counts what is put together; the call is abandoned if that is too much. */
  memory: MemoryMeter;
  /** A place among the large answers; call it to leave. */
  enterLarge: () => Promise<() => void>;
}

/** Takes the body as it comes, no more than so many bytes of it. */
async function takeBody(
  { call, enterLarge }: Received,
  maxBytes: number,
  take: (bytes: Buffer) => void | Promise<void>,
): Promise<Disposable> {
  let bytes = 0;
  let leave: (() => void) | null = null;
  const place = { [Symbol.dispose]: () => leave?.() };
  try {
    for (let item = await call.next(); item !== null; item = await call.next()) {
      bytes += item.payload.length;
      if (item.type !== "data" || bytes > maxBytes) {
        throw wrongAnswer(new Error(`an event, or more than the ${maxBytes} bytes that may come`));
      }
      await take(item.payload);
      if (bytes > WINDOW_BYTES) leave ??= await enterLarge();
    }
    return place;
  } catch (error) {
    place[Symbol.dispose]();
    throw error;
  }
}

async function receiveBody(received: Received, maxBytes: number): Promise<Uint8Array> {
  const { call, memory } = received;
  // In an inbox small pieces take little more memory than they have bytes.
  const gathered = new Inbox({ joins: true });
  let bytes = 0;
  using _place = await takeBody(received, maxBytes, (payload) => {
    bytes += payload.length;
    gathered.add({ type: "data", payload });
    memory.set(gathered.costBytes);
  });
  return joined(gathered, bytes, call.share);
}

async function receiveList<Value>(received: Received, bounds: ListBounds<Value>): Promise<Value[]> {
  const { call, memory } = received;
  const list = new ListReader(bounds);
  using _place = await takeBody(received, MAX_LIST_BYTES, async (payload) => {
    let startMs = performance.now();
    for (const _element of list.add(payload)) {
      const nowMs = performance.now();
      call.share.charge(nowMs - startMs);
      memory.set(list.costBytes);
      const turn = call.share.turn();
      if (turn) await turn;
      if (memory.failure) throw memory.failure;
      startMs = turn ? performance.now() : nowMs;
    }
    call.share.charge(performance.now() - startMs);
    memory.set(list.costBytes);
  });
  return list.end();
}

/** In memory of their own, which a caller may keep or give away. */
async function joined(gathered: Inbox, bytes: number, share: LoopShare): Promise<Uint8Array> {
  const whole = new Uint8Array(bytes);
  let position = 0;
  for (let item = gathered.shift(); item; item = gathered.shift()) {
    whole.set(item.payload, position);
    position += item.payload.length;
    share.chargePiece(item.payload.length);
    const turn = share.turn();
    if (turn) await turn;
  }
  return whole;
}
