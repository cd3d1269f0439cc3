/** What a sandbox that is being made waits for. Sums are over all layers known so far. */
export type SandboxProgress =
  | {
      phase: "pulling";
      image: string;
      layers: number;
      layersDone: number;
      downloadedBytes: number;
      totalBytes: number;
    }
  | {
      phase: "building";
      runtime: string;
      /** From 1, of `steps`; 0 before the first. */
      step: number;
      steps: number;
      /** The line that the build wrote last. */
      line: string;
    }
  | { phase: "creating" }
  | { phase: "starting" };

/** Called for each change, and never after the operation has settled. Must not throw. */
export type OnProgress = (progress: SandboxProgress) => void;

export interface ProgressOptions {
  onProgress?: OnProgress | undefined;
  signal?: AbortSignal | undefined;
}
