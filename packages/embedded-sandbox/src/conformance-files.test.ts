import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { createConformanceSubject } from "./testing/conformance-subject.ts";

describeSandboxConformance({
  name: "embedded",
  part: "files",
  create: createConformanceSubject,
  knownGaps: [
    {
      reason:
        "the emulated shell has no symbolic links, so that no path can lead out of a workspace",
      tests: [
        "links › are found by glob, and not entered",
        "links › are moved, and not what they lead to",
        "links › are nothing where they dangle",
        "links › are packed as links",
        "links › are removed, and not what they lead to",
        "links › are told by stat and ls, and not followed there",
        "links › change no file of the host",
        "links › do not change what `..` means",
        "links › lead by an absolute path inside the sandbox",
        "links › lead to a directory",
        "links › lead to a file",
        "links › show no file of the host",
        "links › stay links where what they lead to is written or edited",
        "links › that lead in a circle end in an error",
        "links › to directories are not entered by grep",
      ],
    },
    {
      reason: "the emulated shell has no mkfifo",
      tests: [
        "special files › are left out of archives",
        "special files › are not opened",
        "special files › are passed over by grep",
        "special files › are told by stat and ls",
        "special files › can be moved and removed",
      ],
    },
    {
      reason:
        "the emulated shell works with names as text: its wildcards pass over a line break, and a name that is no UTF-8 is another one to it",
      tests: [
        "names › are the same for commands",
        "names › are the same for commands where they are not UTF-8",
      ],
    },
    {
      reason: "a path below a workspace is longer on the host, whose own bound is the same",
      tests: ["paths › may be as long as the bound"],
    },
  ],
});
