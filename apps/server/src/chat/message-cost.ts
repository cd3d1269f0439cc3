import type { BaseMessage } from "@langchain/core/messages";
import type { MessageRecord } from "./message-record.ts";
import { textOf } from "./message-text.ts";
import type { PlainData } from "./plain-data.ts";

/** What the objects of a message and of its place in a conversation cost in memory beside its texts. */
const MESSAGE_COST_BYTES = 512;

/** What a value in the data of a message costs: an object takes some 50 bytes even if it is empty. */
const VALUE_COST_BYTES = 48;

const costs = new WeakMap<BaseMessage, number>();

/** Returns what messages cost in memory, in bytes; of one that nobody noted, by its text alone. */
export function costOfMessages(messages: readonly BaseMessage[]): number {
  let cost = 0;
  for (const message of messages) {
    cost += costs.get(message) ?? MESSAGE_COST_BYTES + textOf(message).length;
  }
  return cost;
}

/** Notes what a message costs, by the record and the line that it is written as. */
export function noteCost(message: BaseMessage, record: MessageRecord, line: string): void {
  const cost = MESSAGE_COST_BYTES + Buffer.byteLength(line) + valuesIn(record) * VALUE_COST_BYTES;
  costs.set(message, cost);
}

// Data of a record is no deeper than `MAX_DATA_DEPTH`.
function valuesIn(data: PlainData | MessageRecord): number {
  if (typeof data !== "object" || data === null) return 0;
  let values = 0;
  for (const item of Object.values(data)) values += 1 + valuesIn(item);
  return values;
}
