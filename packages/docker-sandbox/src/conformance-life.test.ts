import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { describe } from "vitest";
import { createDockerSubject } from "./testing/docker-subject.ts";
import { engineOrSkip } from "./testing/engine.ts";

describe.skipIf(!engineOrSkip())("in hardened containers", () => {
  describeSandboxConformance({
    name: "docker, life",
    part: "life",
    create: createDockerSubject,
    knownGaps: [],
  });
});
