import { expect, it } from "vitest";
import { createLogger } from "../logger.ts";
import { withVariables } from "./option-names.ts";
import { warnOfSharedUid } from "./shared-uid.ts";

it("a server that is not root: warns once that sandboxes share its uid", () => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => void lines.push(line) });
  warnOfSharedUid(logger, 0);
  expect(lines).toEqual([]);
  warnOfSharedUid(logger, 1000);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ level: "warn", uid: 1000, msg: expect.stringContaining("not root") }),
  ]);
});

it("a message of the Docker sandbox: names the server's variables", () => {
  const message =
    "start it, or set its address (the option engine.host), or another (the option image).";
  expect(withVariables(message)).toBe(
    "start it, or set its address (DOCKER_HOST), or another (CARREL_IMAGE).",
  );
});
