import { SandboxError, throwIfAborted } from "@carrel/backend-protocol";
import type { FileContent } from "@carrel/backend-protocol";
import type { z } from "zod";
import type { AgentChannel } from "./agent-channel.ts";
import type { Call } from "./call.ts";

/** How long an agent may be silent about files where nothing else is said. */
export const SILENCE_MS = 60_000;
/** The largest answer that is put together in memory: a listing of 100,000 entries has less. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface Question<Answer> {
  method: string;
  parameters: object;
  /** What the result must be like. */
  answer: z.ZodType<Answer>;
  body?: FileContent | undefined;
  /** @default {@link SILENCE_MS} */
  silenceMs?: number;
  /** @default 64 MiB */
  maxBodyBytes?: number;
  signal?: AbortSignal | undefined;
  /** It changes nothing: where the connection breaks it may be asked once more. */
  repeatable?: boolean;
}

export interface Answered<Answer> {
  answer: Answer;
  body: Buffer;
}

/** One call that ends by itself, with all that it gives. @throws SandboxError */
export async function ask<Answer>(
  channel: AgentChannel,
  question: Question<Answer>,
): Promise<Answered<Answer>> {
  const { method, parameters, signal, silenceMs = SILENCE_MS } = question;
  const request = { method, parameters, kind: "short", silenceMs, signal } as const;
  const { call, leave } = await channel.begin(request);
  try {
    return await withAbort(call, signal, () => exchange(call, question));
  } catch (error) {
    if (!call.broken || !question.repeatable) throw error;
  } finally {
    leave();
  }
  return ask(channel, { ...question, repeatable: false });
}

/** The JSON that a body is. */
export function parseBody<Value>(schema: z.ZodType<Value>, body: Buffer): Value {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw wrongAnswer(error);
  }
  return parseAnswer(schema, value);
}

export function parseAnswer<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw wrongAnswer(parsed.error);
  return parsed.data;
}

/** Do something with a call; where the signal fires, the call is cancelled and fails. */
export async function withAbort<Value>(
  call: Call,
  signal: AbortSignal | undefined,
  work: () => Promise<Value>,
): Promise<Value> {
  if (!signal) return work();
  const onAbort = (): void => {
    call.cancel();
    try {
      throwIfAborted(signal);
    } catch (error) {
      if (SandboxError.isInstance(error)) call.fail(error);
    }
  };
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

async function exchange<Answer>(
  call: Call,
  { answer, body, maxBodyBytes = MAX_BODY_BYTES }: Question<Answer>,
): Promise<Answered<Answer>> {
  // Where the sending fails it fails the call, and with it the receiving.
  if (body !== undefined) void sendBody(call, body);
  try {
    const received = await receiveBody(call, maxBodyBytes);
    return { answer: parseAnswer(answer, await call.result), body: received };
  } catch (error) {
    call.cancel();
    throw error;
  }
}

/** Never rejects. */
async function sendBody(call: Call, body: FileContent): Promise<void> {
  if (typeof body === "string") return sendAll(call, Buffer.from(body, "utf8"));
  if (body instanceof Uint8Array) return sendAll(call, body);
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return call.end();
      await call.write(value);
      if (call.over) break;
    }
  } catch (error) {
    // Without its END the agent throws away what it has.
    call.cancel();
    call.fail(sourceFailed(error));
  }
  // Whoever feeds the stream is told that nobody reads on. That it fails as well says nothing new.
  await reader.cancel().catch(() => undefined);
}

async function sendAll(call: Call, bytes: Uint8Array): Promise<void> {
  await call.write(bytes);
  call.end();
}

async function receiveBody(call: Call, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (let item = await call.next(); item !== null; item = await call.next()) {
    bytes += item.payload.length;
    if (item.type !== "data" || bytes > maxBytes) {
      call.cancel();
      throw wrongAnswer(
        new Error(`${bytes} bytes, or an event, where at most ${maxBytes} may come`),
      );
    }
    parts.push(item.payload);
  }
  return Buffer.concat(parts);
}

function sourceFailed(cause: unknown): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: "The stream to write failed; the file is as it was.",
    cause,
  });
}

/** What the agent said cannot be: somebody in the sandbox has replaced it. */
export function wrongAnswer(cause: unknown): SandboxError {
  return new SandboxError({
    code: "unavailable",
    message: "The agent in the sandbox gave an answer that cannot be read.",
    cause,
  });
}
