import { abortBehaviours } from "./abort.ts";
import { archiveBehaviours } from "./archive.ts";
import { attachBehaviours } from "./attach.ts";
import type { BehaviourGroup } from "./behaviour.ts";
import { connectBehaviours } from "./connect.ts";
import { discardBehaviours } from "./discard.ts";
import { editSafetyBehaviours } from "./edit-safety.ts";
import { editBehaviours } from "./edit.ts";
import { executeLimitsBehaviours } from "./execute-limits.ts";
import { executeOptionsBehaviours } from "./execute-options.ts";
import { executeOutputBehaviours } from "./execute-output.ts";
import { executeStatusBehaviours } from "./execute-status.ts";
import { executeStdinBehaviours } from "./execute-stdin.ts";
import { globBehaviours } from "./glob.ts";
import { grepPatternBehaviours } from "./grep-patterns.ts";
import { grepBehaviours } from "./grep.ts";
import { isolationBehaviours } from "./isolation.ts";
import { lifecycleBehaviours, pauseBehaviours } from "./lifecycle.ts";
import { linkBehaviours } from "./links.ts";
import { lsBehaviours } from "./ls.ts";
import { lsPageBehaviours } from "./ls-pages.ts";
import { mkdirBehaviours } from "./mkdir.ts";
import { moveBehaviours } from "./move.ts";
import { nameBehaviours } from "./names.ts";
import { pathBehaviours } from "./paths.ts";
import { processesBehaviours } from "./processes.ts";
import { providerBehaviours, secondProviderBehaviours } from "./provider.ts";
import { readLinesBehaviours } from "./read-lines.ts";
import { readStreamBehaviours } from "./read-stream.ts";
import { readBehaviours } from "./read.ts";
import { removeBehaviours } from "./remove.ts";
import { spawnBehaviours } from "./spawn.ts";
import { specialFileBehaviours } from "./special-files.ts";
import { statBehaviours } from "./stat.ts";
import { terminalBehaviours } from "./terminal.ts";
import { watchBehaviours } from "./watch.ts";
import { writeSafetyBehaviours } from "./write-safety.ts";
import { writeBehaviours } from "./write.ts";

/** The suite in parts, which a provider can test in several files at the same time. */
export type ConformancePart = "files" | "commands" | "life";

/** All that a sandbox and its provider must do, in the order in which it is tested. */
export const BEHAVIOUR_GROUPS: Readonly<Record<ConformancePart, readonly BehaviourGroup[]>> = {
  files: [
    statBehaviours,
    lsBehaviours,
    lsPageBehaviours,
    readBehaviours,
    readLinesBehaviours,
    writeBehaviours,
    writeSafetyBehaviours,
    editBehaviours,
    editSafetyBehaviours,
    removeBehaviours,
    moveBehaviours,
    mkdirBehaviours,
    globBehaviours,
    grepBehaviours,
    grepPatternBehaviours,
    readStreamBehaviours,
    archiveBehaviours,
    nameBehaviours,
    pathBehaviours,
    linkBehaviours,
    specialFileBehaviours,
  ],
  commands: [
    executeOutputBehaviours,
    executeStatusBehaviours,
    executeOptionsBehaviours,
    executeStdinBehaviours,
    executeLimitsBehaviours,
  ],
  life: [
    spawnBehaviours,
    attachBehaviours,
    processesBehaviours,
    watchBehaviours,
    terminalBehaviours,
    connectBehaviours,
    abortBehaviours,
    isolationBehaviours,
    lifecycleBehaviours,
    pauseBehaviours,
    discardBehaviours,
    providerBehaviours,
    secondProviderBehaviours,
  ],
};
