import { SandboxError } from "@carrel/backend-protocol";
import type { ToolCallChunk } from "@langchain/core/messages/tool";

/**
 * Most calls of tools that one answer may have while it streams. Each is answered, so that they cost
 * memory and time in every later step; models make a few at once.
 */
export const MAX_STREAMED_CALLS: number = 500;

/**
 * Most that the calls of one answer may have, in characters of their names and arguments, where each
 * piece costs {@link PIECE_COST} besides. A conversation keeps no more. A megabyte in pieces of one
 * character fits.
 */
export const MAX_CALLS_COST: number = 4 * 1024 * 1024;

const PIECE_COST = 3;

/** Pieces of one call's arguments are joined after this many: a list of them takes more than their text. */
const MAX_LOOSE_PIECES = 1024;

interface JoinedCall {
  first: ToolCallChunk;
  id: string | undefined;
  name: string | undefined;
  joined: string;
  loose: string[];
}

/**
 * Joins the pieces of an answer's calls of tools. LangChain makes the whole answer anew for each piece
 * of it, and reads all arguments again, so that many pieces, or many calls, would cost their square.
 */
export class JoinedCalls {
  // By index and id as LangChain tells calls apart.
  readonly #byIndex = new Map<number, JoinedCall>();
  readonly #byId = new Map<string, JoinedCall>();
  readonly #calls: JoinedCall[] = [];
  #cost = 0;

  /** @throws `too-large`: more calls, or more of their arguments, than one answer may have */
  add(chunk: ToolCallChunk): void {
    const { args = "", name, id } = chunk;
    this.#cost += PIECE_COST + args.length + (name?.length ?? 0);
    if (this.#cost > MAX_CALLS_COST) throw streamedTooMuch();
    const call = this.#find(chunk) ?? this.#begin(chunk);
    if (call.first === chunk) return;
    call.id ??= id;
    if (name) call.name = (call.name ?? "") + name;
    call.loose.push(args);
    if (call.loose.length >= MAX_LOOSE_PIECES) tighten(call);
  }

  /** Returns each call as one piece, in the order in which they began. */
  end(): ToolCallChunk[] {
    return this.#calls.map((call) => {
      tighten(call);
      return {
        ...call.first,
        args: call.joined,
        ...(call.id !== undefined && { id: call.id }),
        ...(call.name !== undefined && { name: call.name }),
      };
    });
  }

  #find({ index, id }: ToolCallChunk): JoinedCall | undefined {
    if (index === undefined) return id ? this.#byId.get(id) : undefined;
    const call = this.#byIndex.get(index);
    // Some servers give all calls the same index.
    if (!id || !call?.id || call.id === id) return call;
    return this.#byId.get(id);
  }

  #begin(chunk: ToolCallChunk): JoinedCall {
    if (this.#calls.length >= MAX_STREAMED_CALLS) throw tooManyCalls();
    const { id, name, args = "", index } = chunk;
    const call = { first: chunk, id, name, joined: args, loose: [] };
    this.#calls.push(call);
    if (index !== undefined && !this.#byIndex.has(index)) this.#byIndex.set(index, call);
    if (id && !this.#byId.has(id)) this.#byId.set(id, call);
    return call;
  }
}

function tighten(call: JoinedCall): void {
  call.joined += call.loose.join("");
  call.loose = [];
}

function tooManyCalls(): SandboxError {
  return new SandboxError({
    code: "too-large",
    message: `The model made more than ${MAX_STREAMED_CALLS} calls of tools in one answer, so the turn was stopped. Ask for less at once.`,
  });
}

function streamedTooMuch(): SandboxError {
  return new SandboxError({
    code: "too-large",
    message:
      "The model streamed more arguments of calls in one answer than the server takes, so the turn was stopped. Ask for less at once.",
  });
}
