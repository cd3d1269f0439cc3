import { describe, expect, it } from "vitest";
import { parseEngineAddress } from "./engine-address.ts";

describe("An engine's address", () => {
  it("is Docker's socket where nothing is said", () => {
    expect(parseEngineAddress()).toMatchObject({ socketPath: "/var/run/docker.sock" });
    expect(parseEngineAddress({ host: "" })).toMatchObject({ socketPath: "/var/run/docker.sock" });
  });

  it("can be the path of a socket", () => {
    const host = "unix:///run/user/1000/docker.sock";
    expect(parseEngineAddress({ host })).toEqual({
      host,
      kind: "unix",
      socketPath: "/run/user/1000/docker.sock",
    });
  });

  it.each([
    ["tcp://127.0.0.1:1234", "127.0.0.1", 1234],
    ["tcp://127.8.0.1", "127.8.0.1", 2375],
    ["tcp://localhost/", "localhost", 2375],
    ["tcp://[::1]:99", "::1", 99],
  ])("takes plain TCP to this machine: %s", (host, hostname, port) => {
    expect(parseEngineAddress({ host })).toEqual({
      host,
      kind: "tcp",
      hostname,
      port,
      secure: false,
    });
  });

  it.each([
    "tcp://10.0.0.7:2375",
    "tcp://docker.example",
    "tcp://localhost.example",
    "tcp://[::2]",
  ])("refuses plain TCP to another machine unless that is asked for: %s", (host) => {
    expect(() => parseEngineAddress({ host })).toThrowError(
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringMatching(/without TLS/),
      }),
    );
    expect(parseEngineAddress({ host, allowPlainTcp: true })).toMatchObject({ secure: false });
    expect(parseEngineAddress({ host, secure: true })).toMatchObject({ secure: true });
  });

  it("has Docker's port for TLS", () => {
    expect(parseEngineAddress({ host: "tcp://docker.example", secure: true })).toMatchObject({
      port: 2376,
    });
  });

  it("can be a machine behind ssh", () => {
    const host = "ssh://ada@build.example:2222/run/user/1000/docker.sock";
    expect(parseEngineAddress({ host })).toEqual({
      host,
      kind: "ssh",
      user: "ada",
      hostname: "build.example",
      port: 2222,
      socketPath: "/run/user/1000/docker.sock",
    });
    expect(parseEngineAddress({ host: "ssh://build" })).toEqual({
      host: "ssh://build",
      kind: "ssh",
      hostname: "build",
    });
  });

  it.each([
    "/var/run/docker.sock",
    "unix://relative.sock",
    "npipe:////./pipe/docker_engine",
    "fd://",
    "http://127.0.0.1:2375",
    "tcp://",
    "tcp://127.0.0.1:2375/prefix",
    "tcp://user@127.0.0.1:2375",
    "tcp://127.0.0.1:2375?query",
    "ssh://",
    "ssh://-oProxyCommand=true",
    "ssh://ada@-oProxyCommand=true",
    "ssh://-ada@build",
    "ssh://ada@build/run/$(id).sock",
    "ssh://ada@build/run/a%20b.sock",
    "ssh://a;b@build",
    "ssh://ada@build?query",
  ])("has no other form: %s", (host) => {
    expect(() => parseEngineAddress({ host })).toThrowError(
      expect.objectContaining({ code: "invalid-argument" }),
    );
  });

  it("does not repeat a password", () => {
    expect(() => parseEngineAddress({ host: "ssh://ada:hunter2@build" })).toThrowError(
      expect.objectContaining({ message: expect.not.stringContaining("hunter2") }),
    );
  });
});
