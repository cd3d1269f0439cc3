import type { Duplex } from "node:stream";
import { FRAME, FrameError, frameHeader } from "./frames.ts";
import type { Frame, FrameDecoder } from "./frames.ts";
import { errorFromWire, helloSchema, parseJson } from "./wire.ts";
import type { AgentHello } from "./wire.ts";

const PROTOCOL_VERSION = 1;

export interface Greeted {
  hello: AgentHello;
  /** Frames that came right behind the hello. */
  rest: Frame[];
}

export interface GreetOptions {
  decoder: FrameDecoder;
  /** What the agent may send in a call before it is granted more, in bytes. */
  windowBytes: number;
  signal: AbortSignal;
}

/** Send the hello and wait for the agent's. The stream is paused afterwards. */
export async function greet(
  stream: Duplex,
  { decoder, windowBytes, signal }: GreetOptions,
): Promise<Greeted> {
  const { promise, resolve, reject } = Promise.withResolvers<Greeted>();
  const onData = (bytes: Buffer): void => {
    try {
      const [first, ...rest] = decoder.push(bytes);
      if (!first) return;
      stream.pause();
      resolve({ hello: readHello(first), rest });
    } catch (error) {
      reject(error);
    }
  };
  const onEnd = (): void => reject(new Error("the connection ended before the agent's hello"));
  const onAbort = (): void => reject(signal.reason);
  stream.on("data", onData).on("error", reject).on("end", onEnd).on("close", onEnd);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    signal.throwIfAborted();
    // What ended before now tells nobody.
    if (hasEnded(stream)) onEnd();
    else stream.write(ownHello(windowBytes));
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    stream.off("data", onData).off("error", reject).off("end", onEnd).off("close", onEnd);
    // Without a listener an error would end the program; whoever takes over sets its own.
    stream.on("error", () => undefined);
  }
}

/** It is over, though its last events may have been told before anybody listened. */
export function hasEnded(stream: Duplex): boolean {
  return stream.destroyed || stream.readableEnded;
}

function ownHello(window: number): Buffer {
  const hello = { protocol: [PROTOCOL_VERSION, PROTOCOL_VERSION], window };
  const payload = Buffer.from(JSON.stringify(hello));
  return Buffer.concat([frameHeader(FRAME.hello, 0, payload.length), payload]);
}

function readHello({ type, stream, payload }: Frame): AgentHello {
  if (type === FRAME.goodbye) {
    throw new Error("the agent refused", { cause: errorFromWire(parseJson(payload)) });
  }
  if (type !== FRAME.hello || stream !== 0) throw new FrameError("the first frame is no hello");
  return helloSchema.parse(parseJson(payload));
}
