import type { AIMessage } from "@langchain/core/messages";
import { z } from "zod";
import { turnOutcomeSchema } from "../wire/chat.ts";
import { errorDetailSchema } from "../wire/error.ts";

const turnRecordSchema = z.object({
  outcome: turnOutcomeSchema,
  error: errorDetailSchema.nullable(),
});

/** How a turn ended, where it did not end well: kept with the last message of the turn. */
export type TurnRecord = z.infer<typeof turnRecordSchema>;

// In `response_metadata`, which no provider is sent.
const FIELD = "carrel_turn";

export function withTurnRecord(record: TurnRecord): Record<string, unknown> {
  return { [FIELD]: record };
}

export function readTurnRecord(message: AIMessage): TurnRecord | null {
  return turnRecordSchema.safeParse(message.response_metadata[FIELD]).data ?? null;
}
