import type { BaseMessage } from "@langchain/core/messages";

/**
 * Returns the text of a message. LangChain's own `text` translates the content as the provider that
 * the message names would, and throws if the content is not what that provider sends.
 */
export function textOf({ content }: Pick<BaseMessage, "content">): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map(textOfPart).join("");
}

function textOfPart(part: unknown): string {
  if (typeof part === "string") return part;
  if (typeof part !== "object" || part === null) return "";
  const { type, text } = part as { type?: unknown; text?: unknown };
  return type === "text" && typeof text === "string" ? text : "";
}
