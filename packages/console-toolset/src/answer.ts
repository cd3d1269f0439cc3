import type { ConsoleArtifact } from "./artifacts.ts";

/** What a tool tells the model. */
export interface Answer {
  status: "success" | "error";
  text: string;
  artifact?: ConsoleArtifact;
}

export function succeeded(text: string, artifact?: ConsoleArtifact): Answer {
  return { status: "success", text, ...(artifact && { artifact }) };
}

// The text says that it is an error, because some models' interfaces have no field for the status.
export function failed(text: string): Answer {
  return { status: "error", text: `Error: ${text}` };
}
