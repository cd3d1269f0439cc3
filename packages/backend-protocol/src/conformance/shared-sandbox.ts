import { randomUUID } from "node:crypto";
import type { ManagedSandbox } from "../managed-sandbox.ts";
import type { Behaviour, OptionalMember } from "./behaviour.ts";
import type { ConformanceSubject } from "./conformance-options.ts";
import { within } from "./deadline.ts";
import { createTestBench } from "./test-bench.ts";

const CLEAN_UP_MS = 15_000;

type CreateSubject = () => Promise<ConformanceSubject>;

/** The sandbox that tests share. One in which a test hung is given up for a fresh one. */
export class SharedSandbox implements AsyncDisposable {
  readonly #create: CreateSubject;
  readonly #subject: ConformanceSubject;
  #sandbox: ManagedSandbox;

  private constructor(create: CreateSubject, subject: ConformanceSubject, sandbox: ManagedSandbox) {
    this.#create = create;
    this.#subject = subject;
    this.#sandbox = sandbox;
  }

  static async create(create: CreateSubject): Promise<SharedSandbox> {
    const subject = await create();
    return new SharedSandbox(create, subject, await createSandbox(subject));
  }

  has(member: OptionalMember): boolean {
    if (member === "secondProvider") return this.#subject.secondProvider !== undefined;
    if (member === "discard") return this.#subject.provider.discard !== undefined;
    return this.#sandbox[member] !== undefined;
  }

  async run(behaviour: Behaviour, deadlineMs: number): Promise<void> {
    const bench = await createTestBench(this.#subject, this.#sandbox, this.#create);
    let hung = true;
    try {
      await within(deadlineMs, async () => {
        try {
          await behaviour(bench);
        } finally {
          hung = false;
        }
      });
    } finally {
      await settleWithin(CLEAN_UP_MS, bench[Symbol.asyncDispose]());
      if (hung) await this.#replace();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subject[Symbol.asyncDispose]();
  }

  async #replace(): Promise<void> {
    await settleWithin(CLEAN_UP_MS, this.#sandbox.destroy());
    this.#sandbox = await createSandbox(this.#subject);
  }
}

function createSandbox(subject: ConformanceSubject): Promise<ManagedSandbox> {
  return subject.provider.create(`conformance ${randomUUID()}`);
}

/** Wait, but not for ever and not for success: what is left over goes with the subject. */
async function settleWithin(deadlineMs: number, work: PromiseLike<void>): Promise<void> {
  await within(deadlineMs, async () => work).catch(() => undefined);
}
