import type { UidChoice } from "../workspace/host-directories.ts";

const own = process.getuid?.() ?? 0;

/** What providers of this process choose if nothing else is said. */
export const TEST_UIDS: UidChoice = own === 0 ? { range: undefined } : { shared: own };

/** As which sandboxes of this process run, and who they are in a table of numbers. */
export const TEST_UID_PATTERN: string = own === 0 ? String.raw`(?:1[89]|2[01])\d{8}` : String(own);
