import type { EngineMessage } from "../engine/read-messages.ts";
import type { OnProgress } from "./sandbox-progress.ts";

interface Layer {
  downloadedBytes: number;
  totalBytes: number;
  done: boolean;
}

// An image has at most 127 layers; what names more is not counted.
const MAX_LAYERS = 512;
const LAYER_ID = /^[0-9a-f]{12}$/;
const REPORT_INTERVAL_MS = 100;

/** Adds up what a pull says of its layers. */
export class PullProgress {
  readonly #image: string;
  readonly #onProgress: OnProgress;
  readonly #layers = new Map<string, Layer>();
  #reportedAtMs = -Infinity;

  constructor(image: string, onProgress: OnProgress) {
    this.#image = image;
    this.#onProgress = onProgress;
  }

  add({ id, status, progressDetail }: EngineMessage): void {
    const layer = id !== undefined && LAYER_ID.test(id) ? this.#layer(id) : undefined;
    if (!layer) return;
    if (status === "Downloading") {
      layer.downloadedBytes = progressDetail?.current ?? layer.downloadedBytes;
      layer.totalBytes = progressDetail?.total ?? layer.totalBytes;
    } else if (status !== undefined && status !== "Waiting" && status !== "Pulling fs layer") {
      layer.downloadedBytes = layer.totalBytes;
    }
    const done = status === "Pull complete" || status === "Already exists";
    if (done) layer.done = true;
    this.#report(done);
  }

  #layer(id: string): Layer | undefined {
    const known = this.#layers.get(id);
    if (known || this.#layers.size >= MAX_LAYERS) return known;
    const layer = { downloadedBytes: 0, totalBytes: 0, done: false };
    this.#layers.set(id, layer);
    return layer;
  }

  #report(important: boolean): void {
    const nowMs = performance.now();
    if (!important && nowMs - this.#reportedAtMs < REPORT_INTERVAL_MS) return;
    this.#reportedAtMs = nowMs;
    const layers = [...this.#layers.values()];
    this.#onProgress({
      phase: "pulling",
      image: this.#image,
      layers: layers.length,
      layersDone: layers.filter(({ done }) => done).length,
      downloadedBytes: layers.reduce((sum, layer) => sum + layer.downloadedBytes, 0),
      totalBytes: layers.reduce((sum, layer) => sum + layer.totalBytes, 0),
    });
  }
}
