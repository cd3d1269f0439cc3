import { SandboxError } from "@carrel/backend-protocol";
import type { LoopShare, MemoryAccount, MemoryBudget } from "@carrel/backend-protocol";
import type { SessionManager } from "@carrel/session-manager";
import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../services.ts";
import type { Share, ShareKind, ShareOwner, UserShares } from "./user-shares.ts";

const SESSION_PATH = /^\/sessions\/([^/]+)/;

/** What a request takes of its user's share, until its answer has been sent or its client has left. */
export class Visit implements Disposable {
  readonly #share: Share;
  readonly #held = new DisposableStack();

  constructor(share: Share) {
    this.#share = this.#held.use(share);
  }

  /** The user's part of the event loop's time. */
  get loop(): LoopShare {
    return this.#share.loop;
  }

  /** The user's part of the server's memory, for work that goes on without the client. */
  get memory(): MemoryBudget {
    return this.#share.memory;
  }

  /** @throws `capacity` if the user has as many as one may, `aborted` if the client has left */
  take(kind: ShareKind): void {
    this.#assertNotOver();
    this.#held.use(this.#share.take(kind));
  }

  /**
   * Takes one of a kind for work that goes on without the client.
   * @throws as {@link Visit.take}
   */
  takeBeyond(kind: ShareKind): Disposable {
    this.#assertNotOver();
    return this.#share.take(kind);
  }

  /**
   * Counts bytes as the user's memory, until the result is disposed of or the visit is over.
   * @param end called at most once, if the memory must be given up later
   * @throws `capacity` if the user has too much already, `aborted` if the client has left
   */
  holdMemory(bytes: number, end: (error: SandboxError) => void): MemoryAccount {
    this.#assertNotOver();
    const refusals: SandboxError[] = [];
    let endLater = (error: SandboxError): void => void refusals.push(error);
    const account = this.#held.use(this.#share.memory.open((error) => endLater(error)));
    account.add(bytes);
    const [refusal] = refusals;
    if (refusal !== undefined) throw refusal;
    endLater = end;
    return account;
  }

  #assertNotOver(): void {
    if (!this.#held.disposed) return;
    throw new SandboxError({ code: "aborted", message: "The client left before its answer." });
  }

  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

/** Counts each request for its user, and refuses it if that user has too many under way. */
export function countVisits({
  manager,
  shares,
}: {
  manager: SessionManager;
  shares: UserShares;
}): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const held = new DisposableStack();
    const answer = c.env?.outgoing;
    answer?.once("close", () => held.dispose());
    try {
      const owner = await ownerOf(c, manager);
      const visit = new Visit(shares.open(owner ?? { userId: null }));
      c.set("visit", visit);
      // The client left meanwhile.
      if (held.disposed) visit[Symbol.dispose]();
      else held.use(visit);
      // The page, its assets and what describes the server belong to nobody and take no time.
      if (owner !== null) visit.take("requests");
      await next();
    } finally {
      // Without a socket there is nobody to wait for.
      if (answer === undefined) held.dispose();
    }
  });
}

async function ownerOf(c: Context<AppEnv>, manager: SessionManager): Promise<ShareOwner | null> {
  if (c.req.path === "/sessions") return { userId: c.req.query("user_id") || null };
  const sessionId = SESSION_PATH.exec(c.req.path)?.[1];
  if (sessionId === undefined) return null;
  const session = await manager.find(sessionId);
  return session === null ? "unknown" : { userId: session.userId };
}
