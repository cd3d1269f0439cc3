import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { SandboxError } from "@carrel/backend-protocol";

/** What proves both ends to each other, in PEM. */
export interface Certificates {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

/**
 * @param directory has `ca.pem`, `cert.pem` and `key.pem`, as `DOCKER_CERT_PATH` does
 * @throws `invalid-argument` where one is missing or is no certificate
 */
export async function readCertificates(directory: string): Promise<Certificates> {
  const [ca, cert, key] = await Promise.all([
    readPem(join(directory, "ca.pem")),
    readPem(join(directory, "cert.pem")),
    readPem(join(directory, "key.pem")),
  ]);
  const certificates = { ca, cert, key };
  try {
    createSecureContext(certificates);
  } catch (cause) {
    throw invalid(`The certificates in ${directory} do not belong together or are damaged.`, cause);
  }
  return certificates;
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw invalid(
      `${path} cannot be read; the directory (the option engine.certificates) needs ca.pem, cert.pem and key.pem.`,
      cause,
    );
  }
}

function invalid(message: string, cause: unknown): SandboxError {
  return new SandboxError({ code: "invalid-argument", message, cause });
}
