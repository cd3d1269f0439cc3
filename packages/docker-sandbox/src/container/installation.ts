import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
} from "node:crypto";
import { SandboxError } from "@carrel/backend-protocol";
import { blockOf } from "../workspace/uid-range.ts";
import type { UidRange } from "../workspace/uid-range.ts";

/** Enough of a hash that no two are ever the same, in names that people have to read. */
const NAME_HASH_LENGTH = 32;
const INSTALLATION_HASH_LENGTH = 12;
const INSTALLATION_ID = /^[A-Za-z0-9._-]{16,128}$/;
const MAX_KEY_BYTES = 512;
const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** @throws `invalid-argument` */
export function requireInstallationId(id: string): void {
  if (INSTALLATION_ID.test(id)) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `installationId must be 16 to 128 letters, digits, dots, dashes or underscores, not ${JSON.stringify(id.slice(0, 200))}.`,
  });
}

/** The pseudonym of a key before it needed a secret: what still has it is found by it, and renamed. */
export function legacyHashKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function requireKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > 0 && bytes <= MAX_KEY_BYTES && !key.includes("\0") && key.isWellFormed()) return;
  throw new SandboxError({
    code: "invalid-argument",
    message: `A key must be 1 to ${MAX_KEY_BYTES} bytes of text without NUL, not ${bytes} bytes.`,
  });
}

/** Two more volumes say which uid a key's legacy volumes have, and that all in them was given to it. */
export type VolumeKind = "workspace" | "home" | "uid" | "given";

/**
 * How one installation calls its things on an engine that it may share with others. The id itself
 * stays off the engine: whoever has it can read which keys the sandboxes there belong to.
 */
export class Installation {
  /** Marks all that is this installation's. */
  readonly label: string;
  /** Tells which uids it has on an engine that keeps its files. */
  readonly uidBlock: UidRange;
  readonly #secret: Buffer;
  readonly #pseudonyms: Buffer;

  /** @param id as {@link requireInstallationId} takes it */
  constructor(id: string) {
    this.label = createHash("sha256")
      .update(`carrel installation ${id}`)
      .digest("hex")
      .slice(0, 32);
    this.#pseudonyms = Buffer.from(hkdfSync("sha256", id, "", "carrel.key-pseudonym", 32));
    const [block = 0] = Buffer.from(hkdfSync("sha256", id, "", "carrel.uid-block", 1));
    this.uidBlock = blockOf(block);
    this.#secret = Buffer.from(hkdfSync("sha256", id, "", "carrel.sealed-key", 32));
  }

  /**
   * A pseudonym of a key, for names, labels and directories: without the installation's id nobody can
   * compute it, test a guess, or recognise a user of another installation by it.
   * @throws `invalid-argument` if it is no key
   */
  hashKey(key: string): string {
    requireKey(key);
    return createHmac("sha256", this.#pseudonyms).update(key).digest("hex");
  }

  /** Name of the sandbox's container. The engine gives a name once, so that it locks the key. */
  containerName(keyHash: string): string {
    return `carrel-${this.label.slice(0, INSTALLATION_HASH_LENGTH)}-${keyHash.slice(0, NAME_HASH_LENGTH)}`;
  }

  /** Name of a container that is nobody's yet. */
  warmContainerName(slotId: string): string {
    return `carrel-${this.label.slice(0, INSTALLATION_HASH_LENGTH)}-warm-${slotId}`;
  }

  volumeName(keyHash: string, what: VolumeKind): string {
    return `${this.containerName(keyHash)}-${what}`;
  }

  /** Name of a volume that reserves a uid. */
  uidVolumeName(uid: number): string {
    return `carrel-${this.label.slice(0, INSTALLATION_HASH_LENGTH)}-uid-${uid}`;
  }

  /** The key in a form that only this installation can read, for a label. */
  seal(key: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#secret, nonce);
    const sealed = Buffer.concat([cipher.update(key, "utf8"), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url");
  }

  /** The key in a label, or `null` where this installation did not seal it. */
  unseal(label: string): string | null {
    const bytes = Buffer.from(label, "base64url");
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return null;
    const decipher = createDecipheriv(CIPHER, this.#secret, bytes.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    try {
      const opened = decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([opened, decipher.final()]).toString("utf8");
    } catch {
      // What does not pass the tag was written by somebody else.
      return null;
    }
  }
}
