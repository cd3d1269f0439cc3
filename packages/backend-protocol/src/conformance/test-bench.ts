import { randomUUID } from "node:crypto";
import { expect } from "vitest";
import type { ManagedSandbox } from "../managed-sandbox.ts";
import type { ExecuteOptions, ExecuteResult } from "../process.ts";
import type { SandboxErrorCode } from "../sandbox-error.ts";
import { SandboxError } from "../sandbox-error.ts";
import type { SandboxProvider } from "../sandbox-provider.ts";
import type { ConformanceSubject } from "./conformance-options.ts";

/** What one test works with. */
export interface TestBench extends AsyncDisposable {
  readonly subject: ConformanceSubject;
  readonly provider: SandboxProvider;
  /** Shared with other tests, one after the other: leave it running. */
  readonly sandbox: ManagedSandbox;
  /** Absolute path of a directory in `sandbox` that is empty and this test's own. */
  readonly directory: string;
  /** Absolute path of a name in `directory`. */
  path(name: string): string;
  /** A file of `directory` as text, or `null`. */
  text(name: string): Promise<string | null>;
  /** Run a command in `directory`; it must exit with 0. */
  run(command: string, options?: ExecuteOptions): Promise<ExecuteResult>;
  /** The operation must reject with a `SandboxError` of one of these codes. */
  rejects(operation: Promise<unknown>, ...codes: SandboxErrorCode[]): Promise<SandboxError>;
  /** A key that no other test uses. Its sandbox is removed after the test. */
  newKey(suffix?: string): string;
  /** A sandbox of this test's own. */
  createSandbox(): Promise<ManagedSandbox>;
  /** A subject of this test's own, to dispose. */
  createSubject(): Promise<ConformanceSubject>;
}

export async function createTestBench(
  subject: ConformanceSubject,
  sandbox: ManagedSandbox,
  createSubject: () => Promise<ConformanceSubject>,
): Promise<TestBench> {
  const { provider, hostPaths = [] } = subject;
  const directory = `${sandbox.workDir.replace(/\/$/, "")}/conformance-${randomUUID()}`;
  await sandbox.mkdir(directory);
  const keys: string[] = [];
  const path = (name: string) => `${directory}/${name}`;
  const newKey = (suffix = ""): string => {
    const key = `conformance ${randomUUID()}${suffix}`;
    keys.push(key);
    return key;
  };
  return {
    subject,
    provider,
    sandbox,
    directory,
    path,
    newKey,
    createSubject,
    async text(name) {
      const bytes = await sandbox.read(path(name));
      return bytes === null ? null : Buffer.from(bytes).toString("utf8");
    },
    async run(command, options) {
      const result = await sandbox.execute(command, { cwd: directory, ...options });
      expect(result, `${command}: ${result.output}`).toMatchObject({
        outcome: "exited",
        exitCode: 0,
      });
      return result;
    },
    rejects: (operation, ...codes) => expectRejection(operation, codes, hostPaths),
    createSandbox: () => provider.create(newKey()),
    async [Symbol.asyncDispose]() {
      // What cannot be cleaned up here goes with the subject, and must not hide the test's result.
      await Promise.allSettled([
        sandbox.remove(directory, { recursive: true }),
        ...keys.map((key) => provider.remove(key)),
      ]);
    },
  };
}

async function expectRejection(
  operation: Promise<unknown>,
  codes: readonly SandboxErrorCode[],
  hostPaths: readonly string[],
): Promise<SandboxError> {
  const error = await operation.then(
    () => expect.unreachable(`should have failed with ${codes.join(" or ")}`),
    (reason: unknown) => reason,
  );
  if (!SandboxError.isInstance(error)) {
    throw new Error(`should have failed with a SandboxError: ${String(error)}`, { cause: error });
  }
  expect(codes, `${error.code}: ${error.message}`).toContain(error.code);
  expect(error.message).not.toBe("");
  for (const hostPath of hostPaths) expect(error.message).not.toContain(hostPath);
  return error;
}
