import { SandboxError } from "@carrel/backend-protocol";
import type { SandboxErrorCode } from "@carrel/backend-protocol";

export function hasCode(error: unknown, code: SandboxErrorCode): boolean {
  return SandboxError.isInstance(error) && error.code === code;
}
