import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";
import { shownText } from "./shown-text.ts";

const MAX_MESSAGE_CHARACTERS = 2000;

// For the model: whether the same call can succeed later, and what to do instead.
const ADVICE: Record<SandboxErrorCode, string> = {
  "not-found": "List the directory above it to see what is there.",
  "not-directory": "A directory is needed there; choose another path.",
  "is-directory": "Give the path of a file.",
  "not-regular": "Only regular files can be used; choose another path.",
  "already-exists": "Choose another path.",
  "permission-denied": "Choose another path, or change the permissions with a command.",
  "invalid-path": "Correct the path.",
  "invalid-argument": "Correct the argument.",
  "too-large": "Ask for less, or work on a part of it with a command.",
  "no-space": "Delete files that are not needed, then try again.",
  conflict: "Read the file again, then decide.",
  "no-match": "Read the file again and copy the text exactly.",
  "ambiguous-match": "Give more of the text around it.",
  "process-limit": "Too many processes run. End some of them, then try again.",
  capacity: "Your call was right, there is no room for it now. Try again later, or tell the user.",
  gone: "Trying again does not help. Tell the user that the sandbox is gone and its files with it.",
  unavailable: "Your call was right. Try again once; if it fails again, tell the user.",
  timeout: "The work was stopped. Try again with less to do.",
  aborted: "It was stopped before its end; what it had done until then stays.",
  unsupported: "This sandbox cannot do it and trying again does not help; find another way.",
};

/** What to tell the model about an error that a sandbox or the backend function threw. */
export function describeError(error: SandboxError): string {
  const wait =
    error.retryAfterMs === undefined
      ? ""
      : ` It may work in ${Math.max(1, Math.ceil(error.retryAfterMs / 1000))} s.`;
  const message = sentence(shownText(error.message).slice(0, MAX_MESSAGE_CHARACTERS));
  return `${message} ${ADVICE[error.code]}${wait}`;
}

/** Ends what a sandbox said with a full stop, if it has no end. */
function sentence(text: string): string {
  return text === "" || /[.!?…:;]["'”)\]]?$/u.test(text) ? text : `${text}.`;
}
