import { SandboxError } from "@carrel/backend-protocol";
import type { Engine } from "../engine/engine.ts";
import type { OnProgress, ProgressOptions, SandboxProgress } from "./sandbox-progress.ts";

export interface WorkContext {
  /** Fires when nobody waits for the work any more. */
  signal: AbortSignal;
  onProgress: OnProgress;
}

interface Work<T> {
  result: Promise<T>;
  stop: AbortController;
  listeners: Set<{ onProgress?: OnProgress | undefined }>;
  latest: SandboxProgress | null;
}

/**
 * Long work that several callers want at the same time is done once. Each of them hears of its
 * progress and can leave it; the last one who leaves stops it. Results are not kept.
 */
export class SharedWork<T> {
  readonly #works = new Map<string, Work<T>>();

  async join(
    key: string,
    start: (context: WorkContext) => Promise<T>,
    { onProgress, signal }: ProgressOptions = {},
  ): Promise<T> {
    if (signal?.aborted) throw aborted(key, signal.reason);
    const work = this.#works.get(key) ?? this.#begin(key, start);
    const listener = { onProgress };
    work.listeners.add(listener);
    if (work.latest) onProgress?.(work.latest);
    const left = Promise.withResolvers<never>();
    const leave = (): void => left.reject(aborted(key, signal?.reason));
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([work.result, left.promise]);
    } finally {
      signal?.removeEventListener("abort", leave);
      work.listeners.delete(listener);
      if (work.listeners.size === 0) this.#end(key, work);
    }
  }

  #begin(key: string, start: (context: WorkContext) => Promise<T>): Work<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const work: Work<T> = {
      result: promise,
      stop: new AbortController(),
      listeners: new Set(),
      latest: null,
    };
    const onProgress = (progress: SandboxProgress): void => {
      work.latest = progress;
      for (const listener of work.listeners) listener.onProgress?.(progress);
    };
    this.#works.set(key, work);
    resolve(start({ signal: work.stop.signal, onProgress }));
    return work;
  }

  // From here on a new caller begins anew, also where the stopped work has not ended yet.
  #end(key: string, work: Work<T>): void {
    work.stop.abort();
    if (this.#works.get(key) === work) this.#works.delete(key);
  }
}

/** The work that is shared on one engine. It is forgotten with the engine. */
export function sharedWorkPerEngine<T>(): (engine: Engine) => SharedWork<T> {
  const works = new WeakMap<Engine, SharedWork<T>>();
  return (engine) => {
    const work = works.get(engine) ?? new SharedWork<T>();
    works.set(engine, work);
    return work;
  };
}

function aborted(key: string, cause: unknown): SandboxError {
  return new SandboxError({
    code: "aborted",
    message: `Its caller stopped waiting for ${key}.`,
    cause,
  });
}
