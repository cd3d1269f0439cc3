import { networkError } from "./api-error.ts";
import { contentUrl } from "./files.ts";
import { errorFromBody } from "./request.ts";

export interface UploadOptions {
  /** Replace a file that is there; without it, that is `conflict`. @default false */
  replace?: boolean;
  /** @param share from 0 to 1 */
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

/** Put a file into the sandbox. `fetch` tells nothing about how far a body has got, hence the older API. */
export function uploadFile(
  sessionId: string,
  path: string,
  content: Blob,
  { replace = false, onProgress, signal }: UploadOptions = {},
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const request = new XMLHttpRequest();
  request.open("PUT", contentUrl(sessionId, path));
  request.setRequestHeader("content-type", "application/octet-stream");
  if (!replace) request.setRequestHeader("if-none-match", "*");
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    if (total > 0) onProgress?.(loaded / total);
  });
  request.addEventListener("load", () => {
    if (request.status < 300) resolve();
    else reject(errorFromBody(request.status, request.responseText));
  });
  request.addEventListener("error", () =>
    reject(networkError("The file could not be sent: the server cannot be reached.")),
  );
  request.addEventListener("abort", () =>
    reject(new DOMException("The upload was cancelled.", "AbortError")),
  );
  signal?.addEventListener("abort", () => request.abort(), { once: true });
  request.send(content);
  return promise;
}
