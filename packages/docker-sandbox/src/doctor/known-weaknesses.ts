import type { HostCheck } from "./host-report.ts";
import { warning } from "./host-report.ts";

interface Weakness {
  /** As in the engine's list of its parts. */
  component: "engine" | "runc";
  ids: string;
  meaning: string;
  /** The first fixed version of each line of versions that was fixed, oldest first. */
  fixedIn: readonly string[];
}

/** From the advisories of moby and runc. What only concerns things that are never used is left out. */
const WEAKNESSES: readonly Weakness[] = [
  {
    component: "runc",
    ids: "CVE-2024-21626",
    meaning: "a container could reach the machine's files through a leaked descriptor",
    fixedIn: ["1.1.12"],
  },
  {
    component: "runc",
    ids: "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881",
    meaning: "a container could write to the machine's /proc by racing its own start",
    fixedIn: ["1.2.8", "1.3.3", "1.4.0"],
  },
  {
    component: "engine",
    ids: "CVE-2026-41567, CVE-2026-41568, CVE-2026-42306",
    meaning:
      "copying a compressed archive into a container, or anything into a running one, could act as root on the machine; Carrel does neither, docker cp by hand may",
    fixedIn: ["29.5.1"],
  },
];

/** A warning for each weakness that the versions have. Parts whose version is unknown have none. */
export function findWeaknesses(components: ReadonlyMap<string, string>): HostCheck[] {
  return WEAKNESSES.flatMap(({ component, ids, meaning, fixedIn }) => {
    const version = components.get(component);
    if (version === undefined || isFixed(version, fixedIn)) return [];
    const versions = fixedIn.join(", ");
    const patched = hasDistributionSuffix(version)
      ? " Distributions also fix without a new number: theirs says so by the ids."
      : "";
    return [
      warning(
        "weakness",
        `${component} ${version} has ${ids}: ${meaning}`,
        `Update ${component === "engine" ? "Docker" : component} to ${versions} or newer.${patched}`,
      ),
    ];
  });
}

/** Whether `version` is at least the fixed one of its own line, or of a newer line than all. */
export function isFixed(version: string, fixedIn: readonly string[]): boolean {
  const have = numbersOf(version);
  return fixedIn.some((fixed, index) => {
    const wanted = numbersOf(fixed);
    const sameLine = have[0] === wanted[0] && have[1] === wanted[1];
    const isNewest = index === fixedIn.length - 1;
    return (sameLine || isNewest) && compare(have, wanted) >= 0;
  });
}

type Numbers = [major: number, minor: number, patch: number];

function numbersOf(version: string): Numbers {
  const [, major = 0, minor = 0, patch = 0] = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return [Number(major), Number(minor), Number(patch)];
}

function compare(one: Numbers, other: Numbers): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}

// Such as Debian's 20.10.24+dfsg1; Docker's own packages have plain numbers.
function hasDistributionSuffix(version: string): boolean {
  return /\d[+~]/.test(version);
}
