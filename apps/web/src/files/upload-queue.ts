import type { ApiError } from "../api/api-error.ts";
import { toApiError } from "../api/api-error.ts";

export interface Upload {
  id: number;
  /** Where it goes. */
  path: string;
  content: File;
  /** Sent so far, 0 to 1. */
  share: number;
  /** `conflict`: a file of this name is there, and the person has not decided. */
  state: "waiting" | "sending" | "conflict" | "failed";
  /** A file that is there may be replaced. */
  replace: boolean;
  error: ApiError | null;
}

export interface SendOptions {
  replace: boolean;
  onProgress: (share: number) => void;
  signal: AbortSignal;
}

/** Puts one file where it belongs; rejects with `ApiError`. */
export type SendFile = (path: string, content: File, options: SendOptions) => Promise<void>;

/** Files on their way into the sandbox, sent one after the other. */
export class UploadQueue {
  readonly #send: SendFile;
  readonly #onUploaded: () => void;
  readonly #listeners = new Set<() => void>();
  #list: readonly Upload[] = [];
  #lastId = 0;
  #sending: { id: number; abort: AbortController } | null = null;

  constructor(send: SendFile, onUploaded: () => void) {
    this.#send = send;
    this.#onUploaded = onUploaded;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Those that are not done. */
  readonly list = (): readonly Upload[] => this.#list;

  add(files: readonly { content: File; path: string }[]): void {
    const added = files.map(({ content, path }): Upload => {
      this.#lastId += 1;
      const state = "waiting";
      return { id: this.#lastId, path, content, share: 0, state, replace: false, error: null };
    });
    this.#update([...this.#list, ...added]);
    void this.#sendNext();
  }

  /** Replace the files that are in the way of those in conflict, or leave them. */
  settleConflicts(replace: boolean): void {
    this.#update(
      this.#list.flatMap((upload): Upload[] => {
        if (upload.state !== "conflict") return [upload];
        return replace ? [{ ...upload, state: "waiting", replace: true, error: null }] : [];
      }),
    );
    void this.#sendNext();
  }

  /** Take one out; if it is being sent, that is broken off. */
  remove(id: number): void {
    if (this.#sending?.id === id) this.#sending.abort.abort();
    this.#update(this.#list.filter((upload) => upload.id !== id));
  }

  /** Break off what is being sent and forget the rest. */
  clear(): void {
    this.#sending?.abort.abort();
    this.#update([]);
  }

  async #sendNext(): Promise<void> {
    const next = this.#list.find(({ state }) => state === "waiting");
    if (!next || this.#sending) return;
    const { id, path, content, replace } = next;
    const abort = new AbortController();
    this.#sending = { id, abort };
    this.#change(id, { state: "sending", share: 0 });
    try {
      await this.#send(path, content, {
        replace,
        signal: abort.signal,
        onProgress: (share) => this.#change(id, { share }),
      });
      this.remove(id);
      this.#onUploaded();
    } catch (caught) {
      const error = toApiError(caught);
      const inTheWay = error.code === "conflict" || error.code === "already-exists";
      this.#change(id, { state: inTheWay && !replace ? "conflict" : "failed", error });
    }
    this.#sending = null;
    void this.#sendNext();
  }

  #change(id: number, fields: Partial<Upload>): void {
    this.#update(
      this.#list.map((upload) => (upload.id === id ? { ...upload, ...fields } : upload)),
    );
  }

  #update(list: readonly Upload[]): void {
    this.#list = list;
    for (const listener of this.#listeners) listener();
  }
}
