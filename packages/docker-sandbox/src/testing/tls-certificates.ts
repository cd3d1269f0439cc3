import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A certificate authority with a server and a client that it knows, made by openssl. */
export interface TestCertificates extends AsyncDisposable {
  /** Directory with ca.pem, cert.pem and key.pem of the server, for 127.0.0.1 and localhost. */
  server: string;
  /** The same of a client. */
  client: string;
}

export async function makeCertificates(): Promise<TestCertificates> {
  const root = await mkdtemp(join(tmpdir(), "carrel-certificates-"));
  const inRoot = { cwd: root };
  await run("openssl", [...NEW_KEY, "-x509", "-subj", "/CN=test authority", ...out("ca")], inRoot);
  for (const name of ["server", "client"]) {
    await mkdir(join(root, name));
    await writeFile(join(root, `${name}.ext`), EXTENSIONS);
    await run("openssl", [...NEW_KEY, "-subj", `/CN=${name}`, ...out(name)], inRoot);
    const signing = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    const names = ["-in", `${name}.crt`, "-extfile", `${name}.ext`, "-out", `${name}/cert.pem`];
    await run("openssl", ["x509", "-req", ...names, ...signing], inRoot);
    await run("cp", ["ca.crt", `${name}/ca.pem`], inRoot);
    await run("cp", [`${name}.key`, `${name}/key.pem`], inRoot);
  }
  return {
    server: join(root, "server"),
    client: join(root, "client"),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

const NEW_KEY = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const EXTENSIONS = "subjectAltName=IP:127.0.0.1,DNS:localhost\n";

function out(name: string): string[] {
  return ["-keyout", `${name}.key`, "-out", `${name}.crt`];
}
