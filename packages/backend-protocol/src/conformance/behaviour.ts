import type { TestBench } from "./test-bench.ts";

/** One thing that every sandbox does; it throws where this one does not. */
export type Behaviour = (bench: TestBench) => Promise<void>;

/** What a sandbox or a test's subject may lack; behaviours that need it are skipped without it. */
export type OptionalMember =
  | "watch"
  | "openTerminal"
  | "connect"
  | "pause"
  | "discard"
  | "secondProvider";

export interface BehaviourGroup {
  /** A method or a topic: `grep`, `lifecycle`. */
  name: string;
  requires?: OptionalMember;
  /** By sentence. The full name of its test is `<group> › <sentence>`. */
  behaviours: Readonly<Record<string, Behaviour>>;
}
