import { describeSandboxConformance } from "@carrel/backend-protocol/conformance";
import { describe } from "vitest";
import { createDockerSubject } from "../testing/docker-subject.ts";
import { engineOrSkip } from "../testing/engine.ts";

describe.skipIf(!engineOrSkip())("in hardened containers of a warm pool", () => {
  describeSandboxConformance({
    name: "docker, warm, life",
    part: "life",
    create: () => createDockerSubject({ warm: { size: 2 } }),
    knownGaps: [],
  });
});
