import { useEffect, useState, useSyncExternalStore } from "react";
import { uploadFile } from "../api/upload.ts";
import { UploadQueue } from "./upload-queue.ts";
import type { Upload } from "./upload-queue.ts";

/**
 * The uploads into one session; leaving it breaks them off.
 *
 * @param onUploaded must stay the same function
 */
export function useUploads(
  sessionId: string,
  onUploaded: () => void,
): [UploadQueue, readonly Upload[]] {
  const [queue] = useState(
    () =>
      new UploadQueue(
        (path, content, options) => uploadFile(sessionId, path, content, options),
        onUploaded,
      ),
  );
  useEffect(() => () => queue.clear(), [queue]);
  return [queue, useSyncExternalStore(queue.subscribe, queue.list)];
}
