import { SandboxError } from "@carrel/backend-protocol";
import { braceExpand, Minimatch } from "minimatch";

const MAX_ALTERNATIVES = 1000;

type NameTest = (name: string) => boolean;
/** One part of a pattern between slashes; `null` is `**`. */
type Segment = NameTest | null;

/** Where a walk stands in each alternative of a pattern: the segments that the next name may match. */
export type GlobState = readonly (readonly number[])[];

/**
 * A glob that is matched name by name on the way down a tree, so that a walk enters only
 * directories that can lead to a match.
 */
export class GlobPattern {
  readonly #alternatives: readonly (readonly Segment[])[];

  /** @throws `invalid-argument` where its braces stand for too many */
  constructor(pattern: string, { hidden }: { hidden: boolean }) {
    const relative = pattern.replace(/^(\.?\/+)+/, "");
    const expanded = braceExpand(relative, { braceExpandMax: MAX_ALTERNATIVES + 1 });
    if (expanded.length > MAX_ALTERNATIVES) {
      throw new SandboxError({
        code: "invalid-argument",
        message: `The glob pattern has more than ${MAX_ALTERNATIVES} alternatives in braces.`,
      });
    }
    // The pattern as it stands is an alternative too: a name may contain braces.
    const patterns = new Set([relative, ...expanded]);
    this.#alternatives = [...patterns].map((text) => compileSegments(text, hidden));
  }

  get start(): GlobState {
    return this.#alternatives.map((segments) => closure(segments, [0]));
  }

  /** The state behind a name; for a directory: where a walk into it would stand. */
  advance(state: GlobState, name: string, enterHidden: boolean): GlobState {
    return this.#alternatives.map((segments, index) => {
      const next = new Set<number>();
      for (const position of state[index]!) {
        const segment = segments[position];
        if (segment === null && (enterHidden || !name.startsWith("."))) next.add(position);
        else if (segment?.(name)) next.add(position + 1);
      }
      return closure(segments, [...next]);
    });
  }

  /** Whether the names so far are a whole match. */
  isMatch(state: GlobState): boolean {
    return this.#alternatives.some((segments, index) => state[index]!.includes(segments.length));
  }

  /** Whether a further name could still lead to a match. */
  canContinue(state: GlobState): boolean {
    return this.#alternatives.some((segments, index) =>
      state[index]!.some((position) => position < segments.length),
    );
  }
}

// `**` matches no directory as well: the walk may already be behind it.
function closure(segments: readonly Segment[], positions: readonly number[]): number[] {
  const reached = new Set(positions);
  for (const position of reached) {
    const isLast = position === segments.length - 1;
    if (segments[position] === null && !isLast) reached.add(position + 1);
  }
  return [...reached];
}

function compileSegments(pattern: string, hidden: boolean): Segment[] {
  const parts = pattern.split("/").filter((part) => part !== "" && part !== ".");
  const segments = parts.map((part): Segment => (part === "**" ? null : nameTest(part, hidden)));
  // `dir/**` finds the files below: the last `**` stands for any path of at least one name.
  return segments.at(-1) === null ? [...segments, nameTest("*", hidden)] : segments;
}

function nameTest(part: string, hidden: boolean): NameTest {
  const glob = new Minimatch(part, {
    dot: hidden,
    nobrace: true,
    nocomment: true,
    noext: true,
    nonegate: true,
    platform: "linux",
  });
  return (name) => name === part || glob.match(name);
}
