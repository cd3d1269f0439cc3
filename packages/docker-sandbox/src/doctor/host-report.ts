/** One line of what was looked at. */
export interface HostCheck {
  /** What it is about, in one or two words. */
  name: string;
  /** `missing` alone keeps sandboxes from running. */
  status: "ok" | "warning" | "missing";
  /** What was found, as a phrase. */
  found: string;
  /** What to do about it, or `null` where nothing is to be done. */
  advice: string | null;
}

export interface HostReport {
  /** Whether sandboxes can run on this machine. */
  usable: boolean;
  checks: readonly HostCheck[];
}

export function ok(name: string, found: string): HostCheck {
  return { name, status: "ok", found, advice: null };
}

export function warning(name: string, found: string, advice: string): HostCheck {
  return { name, status: "warning", found, advice };
}

export function missing(name: string, found: string, advice: string): HostCheck {
  return { name, status: "missing", found, advice };
}
