import { SANDBOX_UID } from "../hardening/create-body.ts";

const own = process.getuid?.() ?? 0;

/** As which sandboxes of this process run where nothing else is said. */
export const TEST_UID: number = own === 0 ? SANDBOX_UID : own;
