import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer as createSocketServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFakeEngine } from "../testing/fake-engine.ts";
import type { FakeEngine } from "../testing/fake-engine.ts";
import { makeCertificates } from "../testing/tls-certificates.ts";
import type { TestCertificates } from "../testing/tls-certificates.ts";
import { connectEngine } from "./engine.ts";

/** An engine on TCP, as dockerd is with --tlsverify: only clients that the authority knows. */
async function listenWithTls(engine: FakeEngine, directory: string): Promise<Server> {
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((name) => readFile(join(directory, name))),
  );
  const server = createServer({ ca, cert, key, requestCert: true }, (socket) => {
    const upstream = connect(engine.host.slice("unix://".length));
    socket.on("error", () => upstream.destroy());
    upstream.on("error", () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

describe.skipIf(!hasOpenssl())("An engine on TCP with TLS", () => {
  let ours: TestCertificates;
  let others: TestCertificates;
  let fake: FakeEngine;
  let server: Server;
  let host: string;

  beforeAll(async () => {
    [ours, others, fake] = await Promise.all([
      makeCertificates(),
      makeCertificates(),
      startFakeEngine(),
    ]);
    server = await listenWithTls(fake, ours.server);
    host = `tcp://127.0.0.1:${portOf(server)}`;
  });

  afterAll(async () => {
    server.close();
    await fake[Symbol.asyncDispose]();
    await ours[Symbol.asyncDispose]();
    await others[Symbol.asyncDispose]();
  });

  it.each(["127.0.0.1", "localhost"])("is reached as %s by a client it knows", async (name) => {
    const address = `tcp://${name}:${portOf(server)}`;
    await using engine = await connectEngine({ host: address, certificates: ours.client });
    expect(engine).toMatchObject({ version: "28.1.1", remote: true });
  });

  it("refuses a client of another authority, and that client says why", async () => {
    await expect(connectEngine({ host, certificates: others.client })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("certificates"),
    });
  });

  it("is refused where its certificate is for another name", async () => {
    const relay = createSocketServer((socket) => {
      const upstream = connect(portOf(server), "127.0.0.1");
      socket.on("error", () => upstream.destroy());
      upstream.on("error", () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    relay.listen(0, "127.0.0.2");
    await once(relay, "listening");
    try {
      const options = { host: `tcp://127.0.0.2:${portOf(relay)}`, certificates: ours.client };
      await expect(connectEngine(options)).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("the name in the engine's certificate"),
      });
    } finally {
      relay.close();
    }
  });

  it("says so where it is spoken to without TLS", async () => {
    await expect(connectEngine({ host })).rejects.toMatchObject({ code: "unavailable" });
  });

  it("says so where the other side has no TLS", async () => {
    const plain = createSocketServer((socket) =>
      socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    plain.listen(0, "127.0.0.1");
    await once(plain, "listening");
    try {
      const options = { host: `tcp://127.0.0.1:${portOf(plain)}`, certificates: ours.client };
      await expect(connectEngine(options)).rejects.toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("certificates"),
      });
    } finally {
      plain.close();
    }
  });

  it("needs a directory that has all certificates", async () => {
    const empty = await mkdtemp(join(tmpdir(), "carrel-no-certificates-"));
    try {
      await expect(connectEngine({ host, certificates: empty })).rejects.toMatchObject({
        code: "invalid-argument",
        message: expect.stringContaining("ca.pem"),
      });
    } finally {
      await rm(empty, { recursive: true });
    }
  });
});

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"]);
    return true;
  } catch {
    console.warn("Skipped, because it makes its certificates with openssl, which is not here.");
    return false;
  }
}
