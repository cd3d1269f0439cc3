import type { Call } from "./call.ts";
import { wrongAnswer } from "./wire.ts";

/** The next bytes of a call whose answer is bytes alone; `null` at its end. @throws SandboxError */
export async function nextBytes(call: Call): Promise<Buffer | null> {
  const item = await call.next();
  if (item?.type !== "event") return item?.payload ?? null;
  const error = wrongAnswer(new Error("an event in a stream of bytes"));
  call.abandon(error);
  throw error;
}
