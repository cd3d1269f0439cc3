import { expect, it } from "vitest";
import { createLogger } from "../logger.ts";
import { imageProgressLog } from "./image-progress-log.ts";

it("tells of a pull at once, and then every few seconds", () => {
  const messages: unknown[] = [];
  let nowMs = 50;
  const logger = createLogger({ write: (line) => void messages.push(JSON.parse(line).msg) });
  const report = imageProgressLog(logger, () => nowMs);
  for (const layersDone of [0, 1, 2, 3, 4]) {
    const sizes = { downloadedBytes: layersDone * 10_400_000, totalBytes: 52_000_000 };
    report({ phase: "pulling", image: "python:3.12-slim", layers: 5, layersDone, ...sizes });
    nowMs += 1500;
  }
  expect(messages).toEqual([
    "pulling the image python:3.12-slim: 0 of 5 layers, 0 MB so far",
    "pulling the image python:3.12-slim: 2 of 5 layers, 21 MB so far",
    "pulling the image python:3.12-slim: 4 of 5 layers, 42 MB so far",
  ]);
});
