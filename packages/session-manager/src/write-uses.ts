import type { Deadline } from "./deadline.ts";
import type { OpenSession } from "./open-session.ts";
import type { SessionStore } from "./session-store.ts";

/** Sessions whose uses are told at once. */
const MAX_BATCH = 1000;

/** Tell the store when sessions were last used, where it does not know. */
export async function writeUses(
  store: SessionStore,
  sessions: readonly OpenSession[],
  deadline: Deadline,
): Promise<void> {
  const uses = sessions.flatMap((session) => {
    const usedAt = session.established ? session.unwrittenUse : null;
    return usedAt === null ? [] : [{ session, usedAt }];
  });
  while (uses.length > 0) {
    const batch = uses.splice(0, MAX_BATCH);
    const told = batch.map(({ session, usedAt }) => ({
      sessionId: session.id,
      agoMs: Math.max(0, session.slot.clock.now() - usedAt),
    }));
    await deadline.run(() => store.touch(told));
    for (const { session, usedAt } of batch) session.noteWritten(usedAt);
  }
}
