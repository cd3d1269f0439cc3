import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { createConformanceSubject } from "./testing/conformance-subject.ts";

describeSandboxConformance({
  name: "embedded",
  part: "life",
  create: createConformanceSubject,
  knownGaps: [
    {
      reason:
        "the interpreter takes its input whole, so that a command starts when its input has ended",
      tests: [
        "attach › does not stop the process where its own signal fires",
        "attach › gives the output of a running process from its start",
        "attach › goes on after a sequence number while the process runs",
        "spawn › drops what is written after its end",
        "spawn › talks with a command over an open stdin",
      ],
    },
  ],
});
