import { withinStoreTime } from "./residency.ts";
import type { SessionRecord, SessionStore } from "./session-store.ts";

const PAGE = 1000;

/** All sessions of a store, page by page: never more than a page of them is in memory. */
export async function* everySession(
  store: SessionStore,
  of: { userId?: string; key?: string } = {},
): AsyncGenerator<SessionRecord, void> {
  let after: string | undefined;
  for (;;) {
    const page = await withinStoreTime(() =>
      store.list({ ...of, limit: PAGE, ...(after !== undefined && { after }) }),
    );
    yield* page;
    const last = page.at(-1);
    if (!last || page.length < PAGE) return;
    after = last.id;
  }
}
