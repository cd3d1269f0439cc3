import { Duplex } from "node:stream";
import { requireWholeNumber } from "@carrel/backend-protocol";
import type { OperationOptions } from "@carrel/backend-protocol";
import type { AgentChannel, BegunCall } from "./agent-channel.ts";
import { LASTS, beginning } from "./ask.ts";
import { nextBytes } from "./next-bytes.ts";
import { emptySchema } from "./wire.ts";

const PORT_BOUNDS = { minimum: 1, maximum: 65_535 };

/** A connection to a server on the sandbox's loopback, as a stream. */
export async function connectLoopback(
  channel: AgentChannel,
  port: number,
  { signal }: OperationOptions = {},
): Promise<Duplex> {
  requireWholeNumber("port", port, PORT_BOUNDS);
  const request = { method: "connect", parameters: { port }, limits: LASTS, signal };
  const begun = await channel.begin({ ...request, kind: "long" });
  await beginning(begun, emptySchema, signal);
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
      nextBytes(call).then(
        (bytes) => this.push(bytes),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      );
    },
    write(bytes: Buffer, _encoding, done) {
      settle(call.writeCopy(bytes), done);
    },
    final(done) {
      settle(call.end(), done);
    },
    destroy(error, done) {
      call.cancel();
      done(error);
    },
  });
}
