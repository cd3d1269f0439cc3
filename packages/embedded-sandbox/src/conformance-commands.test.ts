import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { createConformanceSubject } from "./testing/conformance-subject.ts";

describeSandboxConformance({
  name: "embedded",
  part: "commands",
  create: createConformanceSubject,
  knownGaps: [
    {
      reason:
        "the interpreter takes what its own commands and Python print for text: bytes over 0x7f become two",
      tests: ["execute: output › gives bytes that a command makes as they are"],
    },
    {
      reason:
        "the emulated shell has no processes of its own: `&` ends before the next command begins, and there are no signals",
      tests: [
        "execute: limits › does not wait for a child that holds the output open",
        "execute: limits › stops a command that left its session",
        "execute: status › tells a command that was killed from one that exited",
      ],
    },
  ],
});
