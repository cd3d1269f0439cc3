import { Duplex } from "node:stream";
import { requireWholeNumber } from "@carrel/backend-protocol";
import type { OperationOptions } from "@carrel/backend-protocol";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { withAbort, wrongAnswer } from "./ask.ts";

const PORT_BOUNDS = { minimum: 1, maximum: 65_535 };

/** A connection to a server on the sandbox's loopback, as a stream. */
export async function connectLoopback(
  channel: AgentChannel,
  port: number,
  { signal }: OperationOptions = {},
): Promise<Duplex> {
  requireWholeNumber("port", port, PORT_BOUNDS);
  const request = {
    method: "connect",
    parameters: { port },
    kind: "long",
    silenceMs: null,
  } as const;
  const begun = await channel.begin({ ...request, signal });
  try {
    const item = await withAbort(begun.call, signal, () => begun.call.next());
    if (item?.type !== "event") throw wrongAnswer(new Error("a connection that is none"));
  } catch (error) {
    begun.call.cancel();
    begun.leave();
    throw error;
  }
  return streamOf(begun);
}

function streamOf({ call, leave }: BegunCall): Duplex {
  call.result.then(leave, leave);
  const settle = (work: Promise<void>, done: (error?: Error | null) => void): void => {
    work.then(() => done(), done);
  };
  return new Duplex({
    allowHalfOpen: true,
    read() {
      call.next().then(
        (item) => this.push(item?.payload ?? null),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    write(bytes: Buffer, _encoding, done) {
      settle(call.write(bytes), done);
    },
    final(done) {
      call.end();
      done();
    },
    destroy(error, done) {
      call.cancel();
      done(error);
    },
  });
}
