import { randomInt } from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";
import type { Installation } from "../container/installation.ts";
import type { Engine } from "../engine/engine.ts";
import { LABELS, uidIn } from "../hardening/create-body.ts";
import { hasCode } from "../has-code.ts";
import { contains } from "./uid-range.ts";
import type { UidRange } from "./uid-range.ts";
import { UID_UNUSED_AFTER_MS } from "./uids.ts";
import type { Uids } from "./uids.ts";

/** Each is an exchange with the engine; few are used of a range of a million. */
const MAX_TRIES = 100;
/** Label of a volume that reserves a uid and holds nothing. */
const MARKER = "carrel.uid-reserved";

/**
 * Uids of a range, for an engine whose files lie in volumes. An empty volume whose name is the uid's
 * reserves one: the engine makes a volume of a name once, and its label tells which process that was.
 */
export class VolumeUids implements Uids {
  readonly shared = null;
  readonly #engine: Engine;
  readonly #installation: Installation;
  readonly #range: UidRange;

  constructor(engine: Engine, installation: Installation, range: UidRange) {
    this.#engine = engine;
    this.#installation = installation;
    this.#range = range;
  }

  async take(): Promise<number> {
    const { first, count } = this.#range;
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const uid = first + randomInt(count);
      const mine = `${Date.now()}-${randomInt(2 ** 47)}`;
      const labels = await makeVolume(this.#engine, this.#name(uid), {
        [LABELS.install]: this.#installation.label,
        [LABELS.uid]: String(uid),
        [MARKER]: mine,
      });
      if (labels[MARKER] === mine) return uid;
    }
    throw new SandboxError({
      code: "unavailable",
      message: `No uid was found free among the ${count} from ${first}, in ${MAX_TRIES} attempts. Remove sandboxes, or choose a larger range with the option uids.`,
    });
  }

  async free(uid: number): Promise<void> {
    if (!this.includes(uid)) return;
    const volume = this.#engine.docker.getVolume(this.#name(uid));
    try {
      await this.#engine.call("free the uid of a sandbox", (abortSignal) =>
        volume.remove({ abortSignal }),
      );
    } catch (error) {
      if (!hasCode(error, "not-found")) throw error;
    }
  }

  includes(uid: number): boolean {
    return contains(this.#range, uid);
  }

  /** Frees the uids that killed processes left reserved. */
  async sweep(inContainers: ReadonlySet<number>): Promise<void> {
    const label = `${LABELS.install}=${this.#installation.label}`;
    const { Volumes } = await this.#engine.call("look for uids that were left", (abortSignal) =>
      this.#engine.docker.listVolumes({ filters: { label: [label, LABELS.uid] }, abortSignal }),
    );
    const [markers, used] = [new Map<number, number>(), new Set(inContainers)];
    for (const { Labels } of Volumes ?? []) {
      const uid = uidIn(Labels);
      if (uid === null) continue;
      const mark = Labels[MARKER];
      if (mark === undefined) used.add(uid);
      else markers.set(uid, Number.parseInt(mark, 10));
    }
    for (const [uid, since] of markers) {
      if (!used.has(uid) && Date.now() - since > UID_UNUSED_AFTER_MS) await this.free(uid);
    }
  }

  #name(uid: number): string {
    return this.#installation.uidVolumeName(uid);
  }
}

/** Makes a volume if there is none of that name. @returns the labels that it has */
export async function makeVolume(
  engine: Engine,
  name: string,
  labels: Record<string, string>,
): Promise<Record<string, string>> {
  await engine.call("make a volume", (abortSignal) =>
    engine.docker.createVolume({ Name: name, Driver: "local", Labels: labels, abortSignal }),
  );
  const volume = engine.docker.getVolume(name);
  const { Labels } = await engine.call("look at a volume", (abortSignal) =>
    volume.inspect({ abortSignal }),
  );
  return Labels;
}
